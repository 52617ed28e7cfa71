/// Names as Prometheus has them, of those that swift-metrics has.
enum MetricName {
    /// `nightjar.runs.claimed`, a counter, is `nightjar_runs_claimed_total`.
    static func metric(_ label: String, suffix: String = "") -> String {
        let name = allowed(label, also: ":")
        return name.hasSuffix(suffix) ? name : name + suffix
    }

    /// `http.route` is `http_route`.
    static func label(_ name: String) -> String { allowed(name, also: "") }

    private static func allowed(_ text: String, also: String) -> String {
        let name = String(
            text.map { character in
                character.isASCII && (character.isLetter || character.isNumber) || character == "_"
                    || also.contains(character) ? character : "_"
            })
        guard let first = name.first else { return "_" }
        return first.isNumber ? "_" + name : name
    }
}
