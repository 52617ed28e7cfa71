/// An SDK's name and version as it writes them: `js:v4.18.1`, `inngest-js:v3.54.2`, `py:v0.5.19`.
struct SDKVersion: Hashable {
    var language: String
    var numbers: [Int]

    init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        language = parts[0].hasPrefix("inngest-") ? String(parts[0].dropFirst("inngest-".count)) : parts[0]
        let version = parts[1].hasPrefix("v") ? parts[1].dropFirst() : parts[1][...]
        numbers = version.prefix { $0.isNumber || $0 == "." }.split(separator: ".").compactMap { Int($0) }
        guard numbers.count == 3 else { return nil }
    }

    /// JavaScript 3.22.0 to 3.53.1: whoever reaches such an app can make it do more than it should.
    var isDenied: Bool {
        language == "js" && !numbers.lexicographicallyPrecedes([3, 22, 0])
            && numbers.lexicographicallyPrecedes([3, 53, 2])
    }
}
