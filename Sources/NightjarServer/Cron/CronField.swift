/// One field of a cron expression: lists of values, ranges and steps.
struct CronField {
    static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        .enumerated().reduce(into: [String: Int]()) { $0[$1.element] = $1.offset + 1 }
    static let weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
        .enumerated().reduce(into: [String: Int]()) { $0[$1.element] = $1.offset }

    let name: String
    let range: ClosedRange<Int>
    var names: [String: Int] = [:]

    /// The values that a text stands for.
    func values(_ text: String) throws(CronExpression.Problem) -> Set<Int> {
        var values: Set<Int> = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = item.split(separator: "/", omittingEmptySubsequences: false)
            guard (1...2).contains(parts.count) else { throw problem(text) }
            var span = range
            if parts[0] != "*", parts[0] != "?" {
                let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
                guard (1...2).contains(ends.count), let low = value(ends[0]), let high = value(ends[ends.count - 1]),
                    low <= high
                else { throw problem(text) }
                // A start with a step goes on to the end.
                span = low...(parts.count == 2 && ends.count == 1 ? range.upperBound : high)
            }
            var step = 1
            if parts.count == 2 {
                guard let number = Int(parts[1]), number > 0 else { throw problem(text) }
                step = number
            }
            values.formUnion(stride(from: span.lowerBound, through: span.upperBound, by: step))
        }
        return values
    }

    private func value(_ text: Substring) -> Int? {
        guard let value = Int(text) ?? names[text.lowercased()], range.contains(value) else { return nil }
        return value
    }

    private func problem(_ text: String) -> CronExpression.Problem {
        CronExpression.Problem(
            description:
                "the \(name) \"\(text)\" is none: write \(range.lowerBound) to \(range.upperBound), *, ranges (1-5), "
                + "steps (*/15) or a list of these")
    }
}
