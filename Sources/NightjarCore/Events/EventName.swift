/// The rules for names of events and for patterns of such names.
package enum EventName {
    static let maximumLength = 255
    /// Functions may listen to these; only the database sends them.
    static let systemPrefix = "inngest/"
    private static let endPrefix = "inngest/function."

    /// Returns what is wrong with the name of an event that someone sends, nil when nothing is.
    static func problem(_ name: String) -> String? {
        if let problem = commonProblem(name) { return problem }
        if name.hasPrefix(systemPrefix) {
            return
                "event name \"\(name)\": names that begin with \"\(systemPrefix)\" are those of events that Nightjar sends itself"
        }
        return name.hasSuffix("*") ? "event name \"\(name)\" must not end in \"*\", which stands for many names" : nil
    }

    /// Says whether events about the ends of runs have this name, or names that this wildcard covers.
    static func coversEnds(_ pattern: String) -> Bool {
        guard pattern.hasSuffix("*") else { return pattern.hasPrefix(endPrefix) }
        let prefix = pattern.dropLast()
        return prefix.hasPrefix(endPrefix) || endPrefix.hasPrefix(prefix)
    }

    private static func commonProblem(_ name: String) -> String? {
        if name.isEmpty { return "an event name must not be empty" }
        if name.count > maximumLength {
            return "event name \"\(name.prefix(32))…\" has \(name.count) characters; the limit is \(maximumLength)"
        }
        if name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            return "event name \"\(ErrorText.printable(name))\" contains a control character; remove it"
        }
        return nil
    }

    /// Returns what is wrong with the name or wildcard pattern of a trigger or cancellation, nil when nothing is.
    package static func patternProblem(_ pattern: String) -> String? {
        if let problem = commonProblem(pattern) { return problem }
        guard let star = pattern.firstIndex(of: "*") else { return nil }
        let prefix = pattern[..<star]
        guard pattern.index(after: star) == pattern.endIndex, prefix.hasSuffix("/") || prefix.hasSuffix(".") else {
            return "event name \"\(pattern)\": \"*\" is allowed only at the end, after \"/\" or \".\", as in \"app/*\""
        }
        return nil
    }
}
