import Foundation

/// Tells what happens, when it happens: a line each, with the time since the demo began and who speaks.
struct Narrator: Sendable {
    /// Seconds since 1970 at which the demo began, the same in all its processes.
    var start: Double
    var speaker: String

    func say(_ text: String) {
        let seconds = String(format: "%5.1f s", Date().timeIntervalSince1970 - start)
        let name = speaker.padding(toLength: 9, withPad: " ", startingAt: 0)
        Self.print("\(seconds)  \(name)  \(text)")
    }

    /// Prints a line at once and as a whole, so that lines of several processes keep their order.
    static func print(_ line: String) {
        FileHandle.standardOutput.write(Data("\(line)\n".utf8))
    }
}
