import ArgumentParser
import Foundation

/// How long, on the command line: a number and a unit.
struct TimeSpan: ExpressibleByArgument {
    var seconds: TimeInterval
    /// What `--help` shows of a default.
    let defaultValueDescription: String

    init(seconds: Int) {
        self.seconds = TimeInterval(seconds)
        defaultValueDescription = "\(seconds)s"
    }

    init?(argument: String) {
        let units: [Character: TimeInterval] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let last = argument.last, let unit = units[last], let number = Double(argument.dropLast()),
            number.isFinite, number >= 0, number <= 1e6
        else { return nil }
        seconds = number * unit
        defaultValueDescription = argument
    }

    var duration: Duration { .milliseconds(Int64(seconds * 1_000)) }
}
