import Foundation

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The person at the terminal, if there is one.
enum Terminal {
    /// Whether somebody can be asked.
    static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 }

    /// Whether somebody reads standard error.
    static var isWatched: Bool { isatty(STDERR_FILENO) == 1 }

    /// Asks on standard error; anything but y or yes means no.
    static func confirm(_ question: String) -> Bool {
        FileHandle.standardError.write(Data("\(question) [y/N] ".utf8))
        return ["y", "yes"].contains((readLine() ?? "").trimmingCharacters(in: .whitespaces).lowercased())
    }
}

/// A line on standard error that is written over as things get on; nothing where nobody watches.
struct ProgressLine: Sendable {
    func show(_ text: String) {
        write("\r\u{1B}[K\(text)")
    }

    func clear() {
        write("\r\u{1B}[K")
    }

    private func write(_ text: String) {
        guard Terminal.isWatched else { return }
        FileHandle.standardError.write(Data(text.utf8))
    }
}
