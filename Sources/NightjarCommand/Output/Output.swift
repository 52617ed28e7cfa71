import Foundation
import Nightjar

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Standard output and standard error, unbuffered: whoever reads along sees a line when it is written.
enum Output {
    /// Colours, if somebody looks.
    static var style: Style {
        let environment = ProcessInfo.processInfo.environment
        let isWanted = environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
        return Style(isColoured: isWanted && isatty(STDOUT_FILENO) == 1)
    }

    static func line(_ text: String = "") {
        FileHandle.standardOutput.write(Data("\(text)\n".utf8))
    }

    static func lines(_ lines: [String]) {
        guard !lines.isEmpty else { return }
        line(lines.joined(separator: "\n"))
    }

    /// One JSON document on one line, with its keys in order.
    static func json(_ value: JSON) throws {
        let encoder = JSONCoding.encoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        line(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// A line beside the result, on standard error.
    static func note(_ text: String) {
        FileHandle.standardError.write(Data("\(text)\n".utf8))
    }

    static func error(_ message: String) {
        FileHandle.standardError.write(Data("nightjar: \(message)\n".utf8))
    }
}
