internal import Foundation
internal import NightjarCore

/// Durations and moments as the SDKs write them.
enum AppDuration {
    /// Reads a duration as ``DurationText`` does, in seconds; it may have a sign. Nil when it is none.
    static func seconds(_ text: String) -> Double? {
        let isNegative = text.hasPrefix("-")
        let span = isNegative || text.hasPrefix("+") ? String(text.dropFirst()) : text
        return DurationText.parse(span).map { (isNegative ? -1 : 1) * ($0 / .seconds(1)) }
    }

    /// Reads a moment: a date, or a duration from now on. Empty: now. Nil when it is neither.
    static func date(_ text: String, from now: Date) -> Date? {
        let text = text.trimmingCharacters(in: .whitespaces)
        if text.isEmpty { return now }
        if text.utf8.count >= 10, let date = instant(text) { return date }
        return seconds(text).map { now.addingTimeInterval($0) }
    }

    /// Reads a date, alone or with a time.
    static func instant(_ text: String) -> Date? {
        ISO8601.date(from: text) ?? (text.utf8.count == 10 ? ISO8601.date(from: text + "T00:00:00Z") : nil)
    }

    /// Reads the header `Retry-After`: seconds, or a date of HTTP or ISO 8601. At least 1 s and at most 24 h from now.
    static func retryAfter(_ text: String, from now: Date) -> Date? {
        let text = text.trimmingCharacters(in: .whitespaces)
        let date = Double(text).map { now.addingTimeInterval($0) } ?? instant(text) ?? httpDate(text)
        guard let date, date.timeIntervalSince1970.isFinite else { return nil }
        return min(max(date, now.addingTimeInterval(1)), now.addingTimeInterval(86_400))
    }

    /// Reads `Wed, 21 Oct 2015 07:28:00 GMT` (RFC 9110, 5.6.7).
    private static func httpDate(_ text: String) -> Date? {
        let parts = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard parts.count == 6, parts[0].hasSuffix(","), let day = Int(parts[1]),
            let month = months.firstIndex(of: String(parts[2])), let year = Int(parts[3]), parts[5] == "GMT"
        else { return nil }
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return ISO8601.date(from: "\(year)-\(two(month + 1))-\(two(day))T\(parts[4])Z")
    }
}
