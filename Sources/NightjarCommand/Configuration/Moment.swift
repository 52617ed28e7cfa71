import ArgumentParser
import Foundation

/// A moment on the command line: a date and time, or how far it is from now.
enum Moment: ExpressibleByArgument, Equatable {
    case date(Date)
    case distance(TimeInterval)

    init?(argument: String) {
        if let date = Timestamp.date(from: argument) {
            self = .date(date)
        } else if let span = TimeSpan(argument: argument) {
            self = .distance(span.seconds)
        } else {
            return nil
        }
    }

    static let help = "RFC 3339, as 2030-01-01T09:00:00Z, or a time from now, as 90s, 5m, 2h or 7d"

    /// The moment, when a distance means the future.
    func ahead(of now: Date) -> Date {
        switch self {
        case .date(let date): date
        case .distance(let seconds): now.addingTimeInterval(seconds)
        }
    }

    /// The moment, when a distance means the past.
    func before(_ now: Date) -> Date {
        switch self {
        case .date(let date): date
        case .distance(let seconds): now.addingTimeInterval(-seconds)
        }
    }
}
