import Foundation

/// Times for people: in their own time zone, and how long things took.
struct TimeText {
    private var calendar = Calendar(identifier: .gregorian)

    init(timeZone: TimeZone = .current) {
        calendar.timeZone = timeZone
    }

    /// `2030-01-01 09:30:00`
    func moment(_ date: Date) -> String {
        "\(day(date)) \(clock(date, milliseconds: false))"
    }

    /// `2030-01-01 09:30:00.125 +01:00`
    func exactMoment(_ date: Date) -> String {
        "\(day(date)) \(clock(date, milliseconds: true)) \(offset(date))"
    }

    /// `09:30:00.125`, with the day before it when that is not the day of `other`.
    func clock(_ date: Date, on other: Date) -> String {
        let time = clock(date, milliseconds: true)
        return day(date) == day(other) ? time : "\(day(date)) \(time)"
    }

    /// `12ms`, `1.24s`, `3m 05s`, `2h 10m`, `3d 04h`
    static func duration(_ seconds: TimeInterval) -> String {
        let sign = seconds < 0 ? "-" : ""
        let seconds = abs(seconds)
        if seconds < 0.9995 { return "\(sign)\(Int((seconds * 1_000).rounded()))ms" }
        if seconds < 59.995 { return sign + String(format: "%.2fs", seconds) }
        let whole = Int(seconds.rounded())
        if whole < 3_600 { return sign + String(format: "%dm %02ds", whole / 60, whole % 60) }
        if whole < 86_400 { return sign + String(format: "%dh %02dm", whole / 3_600, whole / 60 % 60) }
        return sign + String(format: "%dd %02dh", whole / 86_400, whole / 3_600 % 24)
    }

    private func day(_ date: Date) -> String {
        let parts = calendar.dateComponents([.year, .month, .day], from: date)
        return String(format: "%04d-%02d-%02d", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0)
    }

    private func clock(_ date: Date, milliseconds: Bool) -> String {
        // Whole milliseconds first: rounded apart, 59.9996 s would become 59.000.
        let count = (date.timeIntervalSince1970 * 1_000).rounded(milliseconds ? .toNearestOrAwayFromZero : .down)
        let second = Date(timeIntervalSince1970: (count / 1_000).rounded(.down))
        let parts = calendar.dateComponents([.hour, .minute, .second], from: second)
        let text = String(format: "%02d:%02d:%02d", parts.hour ?? 0, parts.minute ?? 0, parts.second ?? 0)
        guard milliseconds else { return text }
        return text + String(format: ".%03d", Int(count - second.timeIntervalSince1970 * 1_000))
    }

    private func offset(_ date: Date) -> String {
        let minutes = calendar.timeZone.secondsFromGMT(for: date) / 60
        return (minutes < 0 ? "-" : "+") + String(format: "%02d:%02d", abs(minutes) / 60, abs(minutes) % 60)
    }
}
