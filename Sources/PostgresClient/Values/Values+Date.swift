public import Foundation

/// `timestamptz`, `timestamp` (taken as UTC) and `date` (its first moment in UTC), to the microsecond.
extension Date: PostgresEncodable, PostgresDecodable {
    /// Appends a time in UTC, rounded to the microsecond.
    ///
    /// - Throws: ``PostgresError`` for dates before year 1, as `distantPast` is, or after year 294275, and for infinite ones.
    public func encode(into buffer: inout PostgresBuffer) throws {
        // Seconds and fraction apart: multiplied as a whole, times far from the epoch would lose microseconds.
        let whole = timeIntervalSinceReferenceDate.rounded(.down)
        guard whole.isFinite, abs(whole) < 1e13 else {
            throw PostgresError(.encoding, "the date is infinite or out of range")
        }
        let fraction = Int(((timeIntervalSinceReferenceDate - whole) * 1_000_000).rounded())
        let seconds = Int(whole) + Self.unixSecondsAtReferenceDate + fraction / 1_000_000
        let secondOfDay = (seconds % 86_400 + 86_400) % 86_400
        let day = CivilDate(daysSinceUnixEpoch: (seconds - secondOfDay) / 86_400)
        guard (1...294_275).contains(day.year) else {
            throw PostgresError(.encoding, "the year \(day.year) is out of range")
        }
        buffer.append(day.year, width: 4)
        buffer.append(UInt8(ascii: "-"))
        buffer.append(day.month, width: 2)
        buffer.append(UInt8(ascii: "-"))
        buffer.append(day.day, width: 2)
        buffer.append(UInt8(ascii: " "))
        buffer.append(secondOfDay / 3600, width: 2)
        buffer.append(UInt8(ascii: ":"))
        buffer.append(secondOfDay / 60 % 60, width: 2)
        buffer.append(UInt8(ascii: ":"))
        buffer.append(secondOfDay % 60, width: 2)
        buffer.append(UInt8(ascii: "."))
        buffer.append(fraction % 1_000_000, width: 6)
        buffer.append("+00")
    }

    /// Reads a time; refuses `infinity` and years before Christ, which `Date` would get wrong.
    public static func decode(_ cell: borrowing PostgresCell) throws -> Date {
        var scanner = TextScanner(cell.bytes)
        guard let year = scanner.number(), scanner.skip("-"), let month = scanner.number(), scanner.skip("-"),
            let day = scanner.number(), (1...12).contains(month), (1...31).contains(day), year < 300_000
        else {
            throw cell.malformed("a date that Date can hold")
        }
        var microseconds = 0
        if scanner.skip(" "), let hours = scanner.number() {
            guard let time = scanner.microseconds(afterHours: hours) else { throw cell.malformed("a date") }
            microseconds = time
            if let sign = scanner.sign() {
                guard let hours = scanner.number(), let offset = scanner.microseconds(afterHours: hours) else {
                    throw cell.malformed("a date")
                }
                microseconds -= sign * offset
            }
        }
        // What is left over is " BC", in which case the year counts backwards.
        guard scanner.isAtEnd else { throw cell.malformed("a date that Date can hold") }
        let days = CivilDate(year: year, month: month, day: day).daysSinceUnixEpoch
        let seconds = days * 86_400 - unixSecondsAtReferenceDate + microseconds / 1_000_000
        let fraction = microseconds % 1_000_000
        // One rounding gives the nearest Double, but microseconds fit an Int, exactly a Double, only for 285 years.
        guard abs(seconds) >= 1 << 33 else {
            return Date(timeIntervalSinceReferenceDate: Double(seconds * 1_000_000 + fraction) / 1_000_000)
        }
        return Date(timeIntervalSinceReferenceDate: Double(seconds) + Double(fraction) / 1_000_000)
    }

    private static let unixSecondsAtReferenceDate = 978_307_200
}
