internal import Foundation
internal import Nightjar

/// Time spans as SDKs write them: `1d12h`, `1.5h`, `500ms`; a number, or a text of digits alone, is milliseconds.
enum ConfigDuration {
    /// Nanoseconds, longest unit first so that `ms` is not read as `m`.
    private static let units: [(name: String, nanoseconds: Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12),
        ("d", 8.64e13), ("w", 6.048e14),
    ]
    /// About 290 years; beyond it nobody means it.
    private static let longest = 9.2e18

    static func duration(_ value: JSON) -> Duration? {
        if let milliseconds = value.number { return make(milliseconds * 1e6) }
        return value.string.flatMap { duration($0) }
    }

    static func duration(_ text: String) -> Duration? {
        var rest = Substring(text.trimmingCharacters(in: .whitespaces))
        if let milliseconds = Double(rest), rest.allSatisfy({ $0.isASCII && $0.isNumber }) {
            return make(milliseconds * 1e6)
        }
        guard !rest.isEmpty else { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            guard let number = Double(digits) else { return nil }
            rest = rest.dropFirst(digits.count)
            guard let unit = units.first(where: { rest.hasPrefix($0.name) }) else { return nil }
            rest = rest.dropFirst(unit.name.count)
            total += number * unit.nanoseconds
        }
        return make(total)
    }

    private static func make(_ nanoseconds: Double) -> Duration? {
        (0...longest).contains(nanoseconds) ? .nanoseconds(Int64(nanoseconds.rounded())) : nil
    }

    /// A span in words for people, such as `7d` or `1s`.
    static func text(_ duration: Duration) -> String {
        let nanoseconds = Double(duration.components.seconds) * 1e9 + Double(duration.components.attoseconds) / 1e9
        let unit =
            units.filter { !["w", "us", "µs", "μs"].contains($0.name) }
            .last { nanoseconds >= $0.nanoseconds && nanoseconds.remainder(dividingBy: $0.nanoseconds) == 0 }
            ?? ("ns", 1)
        return "\(Int64(nanoseconds / unit.nanoseconds))\(unit.name)"
    }

    /// Milliseconds, as the database takes them.
    static func milliseconds(_ duration: Duration) -> JSON {
        .integer(Int64((duration / .milliseconds(1)).rounded(.up)))
    }
}
