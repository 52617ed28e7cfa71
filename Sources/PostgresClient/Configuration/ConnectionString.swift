import CLibPQ

/// Reading of connection strings, by libpq so that users find what its manual promises.
enum ConnectionString {
    static func parse(_ text: String) throws -> [String: String] {
        guard !text.utf8.contains(0) else {
            throw PostgresError(.configuration, "the connection string contains a NUL character")
        }
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(text, &message) else {
            let reason = message.map { String(cString: $0).trimmingTrailingNewlines() } ?? "out of memory"
            PQfreemem(message)
            throw PostgresError(
                .configuration, "the connection string cannot be read: \(withoutSecrets(reason, from: text))")
        }
        defer { PQconninfoFree(options) }
        return values(of: options)
    }

    /// libpq's own defaults, including those from the environment and from the service file.
    static func defaults() -> [String: String] {
        guard let options = PQconndefaults() else { return [:] }
        defer { PQconninfoFree(options) }
        return values(of: options)
    }

    private static func values(of options: UnsafeMutablePointer<PQconninfoOption>) -> [String: String] {
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        return values
    }

    /// Blanks what libpq quotes when the text may hold a password.
    ///
    /// A password with a blank or an `@` in it makes libpq quote part of it as if it were a keyword or a host.
    private static func withoutSecrets(_ message: String, from text: String) -> String {
        guard text.contains("@") || text.lowercased().contains("pass") else { return message }
        let parts = message.split(separator: "\"", omittingEmptySubsequences: false)
        // A password may itself contain quotes, so everything between the first and the last one goes.
        guard parts.count > 2, let first = parts.first, let last = parts.last else { return message }
        return "\(first)\"…\"\(last)"
    }
}
