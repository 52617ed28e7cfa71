internal import Nightjar
internal import NightjarCore

/// How many runs of a function may execute at once, and which begin before others.
enum ConfigLimits {
    /// - Returns: The priority as it is stored, null if there is none; and a warning, if it is not understood. Apps that use more of
    ///   CEL than is evaluated here shall run all the same.
    static func priority(_ fields: ConfigFields) throws(SyncProblem) -> (stored: JSON, warning: String?) {
        guard let priority = try fields.fields("priority"), let text = try priority.text("run") else {
            return (.null, nil)
        }
        do throws(EventExpression.SyntaxError) {
            return (try PriorityExpression(text).stored, nil)
        } catch {
            guard error.reason.contains("not supported") else {
                throw ConfigExpression.problem(error, at: priority.place("run"))
            }
            return (.null, "\"priority.run\" is kept, and not enforced: \(error.summary)")
        }
    }

    /// Reads a number, an object, a list of either, or `{"fn": [], "step": []}`. A limit of 0 is none.
    static func concurrency(_ fields: ConfigFields) throws(SyncProblem) -> [ConcurrencyLimit] {
        var entries = fields.list("concurrency").map { (level: ConcurrencyLevel.step, json: $0) }
        if entries.count == 1, let only = entries.first, only.json.object != nil {
            let parts = try ConfigFields(only.json, at: "concurrency")
            if parts["limit"] == nil, parts["fn"] != nil || parts["step"] != nil {
                guard parts.list("fn").count <= 1 else {
                    throw SyncProblem("concurrency.fn", "may have one entry at most")
                }
                entries = parts.list("fn").map { (.run, $0) } + parts.list("step").map { (.step, $0) }
            }
        }
        guard entries.count <= ConcurrencyLimit.most else {
            throw SyncProblem(
                "concurrency", "may have \(ConcurrencyLimit.most) entries at most; there are \(entries.count)")
        }
        var limits: [ConcurrencyLimit] = []
        for (index, entry) in entries.enumerated() {
            let limit = try limit(entry.json, level: entry.level, at: "concurrency[\(index)]")
            if limit.limit > 0 { limits.append(limit) }
        }
        return limits
    }

    private static func limit(
        _ json: JSON, level: ConcurrencyLevel, at place: String
    ) throws(SyncProblem) -> ConcurrencyLimit {
        let most = Int64(Int32.max)
        if let number = json.integer {
            guard (0...most).contains(number) else {
                throw SyncProblem(place, "must be a whole number from 0 to \(most)")
            }
            return ConcurrencyLimit(limit: Int(number), level: level)
        }
        let entry = try ConfigFields(json, at: place)
        var limit = ConcurrencyLimit(limit: Int(try entry.integer("limit", in: 0...most) ?? 0), level: level)
        if let text = try entry.text("scope") {
            guard let scope = ConcurrencyScope(rawValue: text.lowercased()) else {
                throw SyncProblem(entry.place("scope"), "must be \"fn\", \"env\" or \"account\"")
            }
            limit.scope = scope
        }
        if let key = try entry.text("key") {
            limit.key = try ConfigExpression.read(key, at: entry.place("key")).stored
            limit.text = key
        }
        guard limit.key != nil || limit.scope == .function else {
            throw SyncProblem(entry.place("key"), "is missing: the scope \"\(limit.scope.rawValue)\" needs one")
        }
        return limit
    }
}
