extension PostgresConfiguration {
    /// What libpq gets: the user's keywords, then defaults for what neither they nor the environment say.
    func connectionKeywords() -> [String: String] {
        let environment = ConnectionString.defaults()
        var result = keywords
        for (keyword, value) in Self.defaultKeywords where result[keyword] == nil && environment[keyword] == nil {
            result[keyword] = value
        }
        // Text is handed over as UTF-8 in both directions, whatever the environment says.
        result["client_encoding"] = "UTF8"
        result["options"] = options(after: keywords["options"] ?? environment["options"])
        return result
    }

    /// Seconds that connecting may take in all; libpq reads this keyword only in its blocking calls.
    var connectSeconds: Int {
        let text = keywords["connect_timeout"] ?? ConnectionString.defaults()["connect_timeout"]
        guard let text, let seconds = Int(text) else { return 10 }
        let hosts = (keywords["hostaddr"] ?? keywords["host"] ?? "").split(separator: ",").count
        // libpq's own rule: none or negative means no limit, and less than two seconds is never used.
        return seconds <= 0 ? Int(Int32.max) : max(2, seconds) * max(1, hosts)
    }

    /// Ours first: the server lets the last of two settings win, so the user's own `options` prevail.
    private func options(after own: String?) -> String {
        let merged = Self.defaultSettings.merging(settings) { _, given in given }
            .merging(Self.fixedSettings) { _, fixed in fixed }
        var words = merged.sorted { $0.key < $1.key }.map { "-c \($0.key)=\(Self.escaped($0.value))" }
        if let own, !own.isEmpty { words.append(own) }
        return words.joined(separator: " ")
    }

    /// The server splits `options` at white space unless a backslash stands before it.
    private static func escaped(_ value: String) -> String {
        var result = ""
        for character in value {
            if character.isWhitespace || character == "\\" { result.append("\\") }
            result.append(character)
        }
        return result
    }

    private static let defaultKeywords = [
        "connect_timeout": "10",
        "keepalives": "1",
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": "15000",
    ]

    private static let defaultSettings = [
        "statement_timeout": "60s",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "60s",
        "TimeZone": "UTC",
    ]

    /// Decoding relies on these formats.
    private static let fixedSettings = [
        "DateStyle": "ISO",
        "IntervalStyle": "postgres",
        "bytea_output": "hex",
        "extra_float_digits": "1",
    ]
}
