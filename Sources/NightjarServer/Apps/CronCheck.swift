internal import Foundation

/// Whether a text is a cron expression: five fields or a descriptor such as `@hourly`, after a time zone if need be
/// (`TZ=Europe/Paris 0 9 * * 1-5`).
enum CronCheck {
    private static let descriptors = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"]
    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    private static let days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    private static let fields: [(name: String, range: ClosedRange<Int>, names: [String], first: Int)] = [
        ("minute", 0...59, [], 0), ("hour", 0...23, [], 0), ("day of month", 1...31, [], 0),
        ("month", 1...12, months, 1),
        ("day of week", 0...7, days, 0),
    ]

    /// What is wrong; nil when nothing is.
    static func problem(_ text: String) -> String? {
        guard text.utf8.count <= 255 else { return "has more than 255 characters" }
        var parts = text.split(separator: " ").map(String.init)
        if let zone = parts.first, zone.hasPrefix("TZ=") || zone.hasPrefix("CRON_TZ=") {
            let name = String(zone.split(separator: "=", maxSplits: 1).dropFirst().first ?? "")
            guard TimeZone(identifier: name) != nil else { return "names a time zone that is not known: \"\(name)\"" }
            parts.removeFirst()
        }
        if let descriptor = parts.first, descriptor.hasPrefix("@") {
            if descriptor == "@every", parts.count == 2 {
                return ConfigDuration.duration(parts[1]).map { $0 >= .seconds(1) } == true
                    ? nil : "must have a time span of 1s or more after @every"
            }
            return parts.count == 1 && descriptors.contains(descriptor) ? nil : "is a descriptor that is not known"
        }
        guard parts.count == fields.count else {
            return "must have five fields (minute, hour, day of month, month, day of week); it has \(parts.count)"
        }
        for (part, field) in zip(parts, fields) {
            for element in part.lowercased().split(separator: ",", omittingEmptySubsequences: false)
            where !isValid(String(element), field.range, field.names, field.first) {
                return "has a \(field.name) that is not possible: \"\(part)\""
            }
        }
        return nil
    }

    private static func isValid(_ element: String, _ range: ClosedRange<Int>, _ names: [String], _ first: Int) -> Bool {
        func number(_ text: Substring) -> Int? {
            let value = Int(text) ?? names.firstIndex(of: String(text)).map { $0 + first }
            return value.flatMap { range.contains($0) && !text.hasPrefix("+") ? $0 : nil }
        }
        let steps = element.split(separator: "/", omittingEmptySubsequences: false)
        guard steps.count <= 2 else { return false }
        if steps.count == 2 {
            guard let step = Int(steps[1]), step > 0, step <= range.upperBound + 1 else { return false }
        }
        if steps[0] == "*" || steps[0] == "?" { return true }
        let bounds = steps[0].split(separator: "-", omittingEmptySubsequences: false).map(number)
        guard bounds.count <= 2, let low = bounds[0] else { return false }
        return bounds.count == 1 || bounds[1].map { low <= $0 } == true
    }
}
