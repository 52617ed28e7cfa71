/// Spans of time as the SDKs write them: `1d12h`, `500ms`, `1.5h`; a number alone is milliseconds.
enum DurationText {
    private static let units: [(name: String, length: Duration)] = [
        ("ns", .nanoseconds(1)), ("us", .microseconds(1)), ("µs", .microseconds(1)), ("μs", .microseconds(1)),
        ("ms", .milliseconds(1)),
        ("s", .seconds(1)), ("m", .seconds(60)), ("h", .seconds(3_600)), ("d", .seconds(86_400)),
        ("w", .seconds(604_800)),
    ]
    /// More than any of them may be; keeps the sum from overflowing.
    private static let longest = 1e11

    /// Reads a span; nil when the text is none.
    static func parse(_ text: String) -> Duration? {
        var rest = Substring(text.trimmingSpaces())
        guard !rest.isEmpty else { return nil }
        if let milliseconds = Double(rest), rest.allSatisfy({ $0.isASCII && $0.isNumber }) {
            return milliseconds / 1000 < longest ? .milliseconds(milliseconds) : nil
        }
        var total = Duration.zero
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(letters.count)
            guard let number = Double(digits), let unit = units.first(where: { $0.name == letters })?.length,
                number * (unit / .seconds(1)) < longest
            else { return nil }
            // A whole number of units is exact, which a product with a Double is not.
            total += Int(exactly: number).map { unit * $0 } ?? unit * number
        }
        return total / .seconds(1) < longest ? total : nil
    }
}

extension String {
    fileprivate func trimmingSpaces() -> String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
