internal import Nightjar
internal import NightjarCore

/// Reads a function's priority, and checks its concurrency, which is kept as it is.
enum ConfigLimits {
    static let mostConcurrency = 2

    /// - Returns: The expression over the event, as it is stored; null if there is none.
    static func priority(_ fields: ConfigFields) throws(SyncProblem) -> JSON {
        guard let priority = try fields.fields("priority"), let text = try priority.text("run") else { return .null }
        return try ConfigExpression.read(text, at: priority.place("run")).stored
    }

    /// A number, an object, a list of objects, or `{"fn": [], "step": []}`.
    static func checkConcurrency(_ fields: ConfigFields) throws(SyncProblem) {
        var entries = fields.list("concurrency")
        if entries.count == 1, let only = entries.first, only.object != nil {
            let parts = try ConfigFields(only, at: "concurrency")
            if parts["limit"] == nil, parts["fn"] != nil || parts["step"] != nil {
                guard parts.list("fn").count <= 1 else {
                    throw SyncProblem("concurrency.fn", "may have one entry at most")
                }
                entries = parts.list("fn") + parts.list("step")
            }
        }
        guard entries.count <= mostConcurrency else {
            throw SyncProblem("concurrency", "may have \(mostConcurrency) entries at most; there are \(entries.count)")
        }
        for (index, entry) in entries.enumerated() {
            let place = "concurrency[\(index)]"
            if let limit = entry.integer {
                guard limit >= 0 else { throw SyncProblem(place, "must be a whole number of 0 or more") }
                continue
            }
            let entry = try ConfigFields(entry, at: place)
            _ = try entry.integer("limit", in: 0...(.max))
            if let scope = try entry.text("scope"), !["fn", "env", "account"].contains(scope.lowercased()) {
                throw SyncProblem(entry.place("scope"), "must be \"fn\", \"env\" or \"account\"")
            }
            if let key = try entry.text("key") { try checkExpression(key, at: entry.place("key")) }
        }
    }

    /// What is only kept may use more of CEL than is evaluated here.
    private static func checkExpression(_ text: String, at field: String) throws(SyncProblem) {
        do throws(SyncProblem) { _ = try ConfigExpression.read(text, at: field) } catch {
            guard error.reason.contains("not supported") else { throw error }
        }
    }
}
