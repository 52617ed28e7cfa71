package import Foundation

/// Instants that recur by the calendar: five fields (minute, hour, day of month, month, day of week) or a descriptor such
/// as `@daily`, in a time zone: `TZ=Europe/Paris 0 9 * * 1-5`. As in cron, a day matches when either the day of the month or
/// that of the week does, if both are restricted. A time that the clock skips does not occur; one that it repeats occurs once.
package struct CronExpression: Sendable, Hashable {
    /// What is not understood.
    package struct Problem: Error, CustomStringConvertible {
        package var description: String
    }

    private let minutes: Set<Int>
    private let hours: Set<Int>
    private let days: Set<Int>
    private let months: Set<Int>
    private let weekdays: Set<Int>
    private let isAnyDay: Bool
    private let isAnyWeekday: Bool
    private let zone: TimeZone

    private static let descriptors = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
    ]

    /// Reads an expression.
    package init(_ text: String) throws(Problem) {
        guard text.utf8.count <= 255 else { throw Problem(description: "it has more than 255 characters") }
        var fields = text.split(whereSeparator: \.isWhitespace).map(String.init)
        var zone = TimeZone.gmt
        for prefix in ["CRON_TZ=", "TZ="] {
            guard let first = fields.first, first.hasPrefix(prefix) else { continue }
            guard let named = TimeZone(identifier: String(first.dropFirst(prefix.count))) else {
                throw Problem(description: "\"\(first)\" names no time zone; write one such as TZ=Europe/Paris")
            }
            zone = named
            fields.removeFirst()
            break
        }
        if fields.count == 1, let expansion = Self.descriptors[fields[0].lowercased()] {
            fields = expansion.split(separator: " ").map(String.init)
        }
        guard fields.count == 5 else {
            throw Problem(
                description:
                    "it has \(fields.count) fields; write five (minute, hour, day of month, month, day of week) "
                    + "or one of \(Self.descriptors.keys.sorted().joined(separator: ", "))")
        }
        self.zone = zone
        minutes = try CronField(name: "minute", range: 0...59).values(fields[0])
        hours = try CronField(name: "hour", range: 0...23).values(fields[1])
        days = try CronField(name: "day of month", range: 1...31).values(fields[2])
        months = try CronField(name: "month", range: 1...12, names: CronField.months).values(fields[3])
        weekdays = Set(
            try CronField(name: "day of week", range: 0...7, names: CronField.weekdays).values(fields[4]).map { $0 % 7 }
        )
        isAnyDay = fields[2].hasPrefix("*") || fields[2] == "?"
        isAnyWeekday = fields[4].hasPrefix("*") || fields[4] == "?"
    }

    /// The first instant after `date`; nil when there is none within the next ten years, as for the 30th of February.
    package func next(after date: Date) -> Date? {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        var day = calendar.startOfDay(for: date)
        for _ in 0..<3_660 {
            if matches(calendar.dateComponents([.month, .day, .weekday], from: day)) {
                let parts = calendar.dateComponents([.year, .month, .day], from: day)
                for hour in hours.sorted() {
                    for minute in minutes.sorted() {
                        var time = parts
                        (time.hour, time.minute, time.second) = (hour, minute, 0)
                        guard let found = calendar.date(from: time), found > date else { continue }
                        let back = calendar.dateComponents([.hour, .minute], from: found)
                        if back.hour == hour, back.minute == minute { return found }
                    }
                }
            }
            guard let noon = calendar.date(byAdding: .hour, value: 36, to: day) else { return nil }
            day = calendar.startOfDay(for: noon)
        }
        return nil
    }

    private func matches(_ parts: DateComponents) -> Bool {
        guard let month = parts.month, let day = parts.day, let weekday = parts.weekday, months.contains(month) else {
            return false
        }
        let (onDay, onWeekday) = (days.contains(day), weekdays.contains(weekday - 1))
        return isAnyDay || isAnyWeekday ? onDay && onWeekday : onDay || onWeekday
    }
}
