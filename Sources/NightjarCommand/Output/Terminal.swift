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

    /// Reads a secret from standard input: all of it, or one line that somebody types after the question, who does not see it.
    /// - Returns: Without blanks around it; nil when it has more bytes than `most`, or is no text.
    static func secret(_ question: String, most: Int) throws -> String? {
        guard isInteractive else {
            let data = try FileHandle.standardInput.read(upToCount: most + 1) ?? Data()
            guard data.count <= most else { return nil }
            return String(data: data, encoding: .utf8)?.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        FileHandle.standardError.write(Data(question.utf8))
        var before = termios()
        tcgetattr(STDIN_FILENO, &before)
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &silent)
        defer {
            tcsetattr(STDIN_FILENO, TCSADRAIN, &before)
            FileHandle.standardError.write(Data("\n".utf8))
        }
        return readLine()?.trimmingCharacters(in: .whitespaces)
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
