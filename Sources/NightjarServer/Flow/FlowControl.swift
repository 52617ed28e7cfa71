internal import NightjarCore

/// How a function's runs are held back, as its app registered it, in the form that `nightjar.sync` takes.
struct FlowControl: Sendable {
    /// What is wrong with a setting.
    struct Problem: Error, Sendable {
        /// As the SDKs know it, such as `batch_size_invalid`.
        var code: String
        var message: String
    }

    /// As `functions.flow` holds it; nil when events simply start runs.
    let stored: JSON?

    /// Reads the settings of a function.
    ///
    /// - Parameter config: The function as its app registered it.
    /// - Throws: ``Problem``.
    init(config: JSON) throws(Problem) {
        let reader = SettingReader(config)
        var stored: [String: JSON] = [:]
        if let batch = reader.object("batchEvents") { stored["batch"] = try Self.batch(batch) }
        if let debounce = reader.object("debounce") { stored["debounce"] = try Self.debounce(debounce) }
        if let limit = reader.object("rateLimit") { stored["rate_limit"] = try Self.rateLimit(limit) }
        if let throttle = reader.object("throttle") { stored["throttle"] = try Self.throttle(throttle) }
        if let singleton = reader.object("singleton") { stored["singleton"] = try Self.singleton(singleton) }
        if let key = reader.text("idempotency") {
            // It stands for a rate limit of one in a day, and in place of any other.
            stored["rate_limit"] = nil
            stored["idempotency"] = ["key": try Self.expression(key, of: "idempotency")]
        }
        for other in ["debounce", "singleton"] where stored["batch"] != nil && stored[other] != nil {
            throw Problem(code: "combo_unsupported", message: "batchEvents and \(other) cannot be used together")
        }
        self.stored = stored.isEmpty ? nil : .object(stored)
    }

    private static func batch(_ reader: SettingReader) throws(Problem) -> JSON {
        guard let size = reader.integer("maxSize"), (2...5_000).contains(size) else {
            throw Problem(code: "batch_size_invalid", message: "batchEvents.maxSize must be from 2 to 5000")
        }
        guard let timeout = reader.duration("timeout"), timeout >= .seconds(1) else {
            throw Problem(
                code: "batch_timeout_invalid", message: "batchEvents.timeout must be a duration of at least 1s")
        }
        var stored: [String: JSON] = ["max": .integer(size), "timeout_ms": milliseconds(timeout)]
        if let key = reader.text("key") { stored["key"] = try expression(key, of: "batchEvents.key") }
        if let condition = reader.text("if") { stored["if"] = try expression(condition, of: "batchEvents.if") }
        return .object(stored)
    }

    private static func debounce(_ reader: SettingReader) throws(Problem) -> JSON {
        guard let period = reader.duration("period"), (.seconds(1)...(.seconds(7 * 86_400))).contains(period) else {
            throw Problem(code: "debounce_period_invalid", message: "debounce.period must be from 1s to 7d")
        }
        var stored: [String: JSON] = ["period_ms": milliseconds(period)]
        if let timeout = reader.duration("timeout") { stored["timeout_ms"] = milliseconds(timeout) }
        if let key = reader.text("key") { stored["key"] = try expression(key, of: "debounce.key") }
        return .object(stored)
    }

    private static func rateLimit(_ reader: SettingReader) throws(Problem) -> JSON {
        guard let limit = reader.integer("limit"), limit >= 1 else {
            throw Problem(code: "config_invalid", message: "rateLimit.limit must be at least 1")
        }
        guard let period = reader.duration("period"), (.seconds(1)...(.seconds(86_400))).contains(period) else {
            throw Problem(code: "config_invalid", message: "rateLimit.period must be from 1s to 24h")
        }
        var stored: [String: JSON] = ["limit": .integer(limit), "period_ms": milliseconds(period)]
        if let key = reader.text("key") { stored["key"] = try expression(key, of: "rateLimit.key") }
        return .object(stored)
    }

    private static func throttle(_ reader: SettingReader) throws(Problem) -> JSON {
        guard let period = reader.duration("period"), period >= .seconds(1) else {
            throw Problem(code: "config_invalid", message: "throttle.period must be at least 1s")
        }
        var stored: [String: JSON] = [
            "limit": .integer(max(1, reader.integer("limit") ?? 1)), "period_ms": milliseconds(period),
            "burst": .integer(max(0, reader.integer("burst") ?? 0)),
        ]
        if let key = reader.text("key") { stored["key"] = try expression(key, of: "throttle.key") }
        return .object(stored)
    }

    private static func singleton(_ reader: SettingReader) throws(Problem) -> JSON {
        guard let mode = reader.text("mode")?.lowercased(), ["skip", "cancel"].contains(mode) else {
            throw Problem(code: "config_invalid", message: "singleton.mode must be \"skip\" or \"cancel\"")
        }
        var stored: [String: JSON] = ["mode": .string(mode)]
        if let key = reader.text("key") { stored["key"] = try expression(key, of: "singleton.key") }
        return .object(stored)
    }

    private static func expression(_ text: String, of setting: String) throws(Problem) -> JSON {
        do {
            return try EventExpression(text, scope: .filter).stored
        } catch {
            throw Problem(code: "expression_invalid", message: "\(setting): \(error)")
        }
    }

    private static func milliseconds(_ duration: Duration) -> JSON {
        .integer(Int64((duration / .milliseconds(1)).rounded()))
    }
}
