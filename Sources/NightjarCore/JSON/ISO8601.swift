package import Foundation

/// Dates as ISO 8601 text, to the microsecond, the resolution of PostgreSQL.
///
/// Foundation's own styles stop at milliseconds, so that a date would differ between a run's first pass and its replay.
package enum ISO8601 {
    /// Writes `2026-03-01T09:30:00.125Z`: always UTC, three digits of fraction, six where three do not suffice.
    package static func text(of date: Date) -> String {
        // The form has four digits for the year.
        let seconds1970 = date.timeIntervalSince1970.clamped(to: -62_167_219_200...253_402_300_799)
        let microseconds = Int64((seconds1970 * 1_000_000).rounded())
        let (seconds, fraction) = microseconds.quotientAndRemainderRoundingDown(by: 1_000_000)
        let (day, second) = seconds.quotientAndRemainderRoundingDown(by: 86_400)
        let date = civil(day: day)
        let time = "\(digits(second / 3600, 2)):\(digits(second / 60 % 60, 2)):\(digits(second % 60, 2))"
        let decimals = fraction % 1000 == 0 ? digits(fraction / 1000, 3) : digits(fraction, 6)
        return "\(digits(date.year, 4))-\(digits(date.month, 2))-\(digits(date.day, 2))T\(time).\(decimals)Z"
    }

    /// Reads a date and time with offset; `T` may be a space, the fraction may be missing or longer than we write.
    package static func date(from text: String) -> Date? {
        var reader = Reader(text: text.utf8[...])
        guard let year = reader.number(4), reader.take("-"), let month = reader.number(2), (1...12).contains(month),
            reader.take("-"), let day = reader.number(2), (1...daysIn(month: month, year: year)).contains(day),
            reader.take("T") || reader.take("t") || reader.take(" "),
            let hour = reader.number(2), hour < 24, reader.take(":"), let minute = reader.number(2), minute < 60
        else { return nil }
        var second: Int64 = 0
        var fraction = 0.0
        if reader.take(":") {
            // A leap second is read as the second before it: Date knows none.
            guard let value = reader.number(2), value <= 60 else { return nil }
            second = min(value, 59)
            if reader.take(".") || reader.take(",") {
                guard let value = reader.fraction() else { return nil }
                fraction = value
            }
        }
        guard let offset = reader.offset(), reader.text.isEmpty else { return nil }
        let whole = days(year: year, month: month, day: day) * 86_400 + hour * 3600 + minute * 60 + second - offset
        return Date(timeIntervalSince1970: Double(whole) + fraction)
    }

    private static func digits(_ value: Int64, _ count: Int) -> String {
        let text = String(value)
        return text.utf8.count >= count ? text : String(repeating: "0", count: count - text.utf8.count) + text
    }

    private static func daysIn(month: Int64, year: Int64) -> Int64 {
        let next = month == 12 ? days(year: year + 1, month: 1, day: 1) : days(year: year, month: month + 1, day: 1)
        return next - days(year: year, month: month, day: 1)
    }

    // Both count in eras of 400 years that begin on 1 March, which puts the leap day at the end of a year.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let (era, yearOfEra) = (month <= 2 ? year - 1 : year).quotientAndRemainderRoundingDown(by: 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = (day + 719_468).quotientAndRemainderRoundingDown(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}

extension ISO8601 {
    private struct Reader {
        var text: Substring.UTF8View

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard text.first == UInt8(ascii: character) else { return false }
            text.removeFirst()
            return true
        }

        mutating func digit() -> Int64? {
            guard let byte = text.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            text.removeFirst()
            return Int64(byte - UInt8(ascii: "0"))
        }

        mutating func number(_ count: Int) -> Int64? {
            var value: Int64 = 0
            for _ in 0..<count {
                guard let digit = digit() else { return nil }
                value = value * 10 + digit
            }
            return value
        }

        mutating func fraction() -> Double? {
            guard let first = digit() else { return nil }
            var (value, scale) = (Double(first), 10.0)
            while let digit = digit() {
                guard scale < 1e15 else { continue }
                value = value * 10 + Double(digit)
                scale *= 10
            }
            return value / scale
        }

        /// Seconds east of Greenwich.
        mutating func offset() -> Int64? {
            if take("Z") || take("z") { return 0 }
            let sign: Int64
            if take("+") { sign = 1 } else if take("-") { sign = -1 } else { return nil }
            guard let hours = number(2), hours < 24 else { return nil }
            if text.isEmpty { return sign * hours * 3600 }
            _ = take(":")
            guard let minutes = number(2), minutes < 60 else { return nil }
            return sign * (hours * 3600 + minutes * 60)
        }
    }
}

extension Int64 {
    fileprivate func quotientAndRemainderRoundingDown(by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

extension Double {
    fileprivate func clamped(to range: ClosedRange<Double>) -> Double {
        isNaN ? 0 : Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}
