internal import Foundation

extension Date {
    /// Whole milliseconds since 1970, as the HTTP API writes times. The database has whole microseconds, which a `Date` holds
    /// only nearly: without rounding to them first, .956 would become .955.
    var milliseconds: Int64 {
        let microseconds = (timeIntervalSince1970 * 1_000_000).rounded()
        return Int64((microseconds / 1_000).rounded(.down))
    }
}
