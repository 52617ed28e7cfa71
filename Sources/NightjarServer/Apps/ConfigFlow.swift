internal import Nightjar
internal import NightjarCore

/// How a function's runs are gathered, spaced and kept apart: what `nightjar.admit` takes.
struct ConfigFlow {
    /// Nil: every event starts a run at once.
    let json: JSON?

    init(_ fields: ConfigFields) throws(SyncProblem) {
        var flow: [String: JSON] = [:]
        if let batch = try fields.fields("batchEvents") { flow["batch"] = try Self.batch(batch) }
        if let debounce = try fields.fields("debounce") { flow["debounce"] = try Self.debounce(debounce) }
        if let text = try fields.text("idempotency") {
            // It takes the place of a rate limit.
            flow["idempotency"] = ["key": try ConfigExpression.read(text, at: "idempotency").root.stored]
        } else if let limit = try fields.fields("rateLimit") {
            flow["rate_limit"] = try Self.rateLimit(limit)
        }
        if let throttle = try fields.fields("throttle") { flow["throttle"] = try Self.throttle(throttle) }
        if let singleton = try fields.fields("singleton") { flow["singleton"] = try Self.singleton(singleton) }
        json = flow.isEmpty ? nil : .object(flow)
    }

    private static func batch(_ fields: ConfigFields) throws(SyncProblem) -> JSON {
        guard let most = try fields.integer("maxSize", in: 2...(.max), code: .batchSizeInvalid) else {
            throw SyncProblem(.batchSizeInvalid, fields.place("maxSize"), "is missing")
        }
        let timeout = try fields.duration(
            "timeout", in: .seconds(1) ... .seconds(7 * 86_400), code: .batchTimeoutInvalid)
        return [
            "max": .integer(min(most, 100_000)), "timeout_ms": ConfigDuration.milliseconds(timeout ?? .seconds(60)),
            "key": try ConfigExpression.stored("key", of: fields) ?? .null,
            "if": try ConfigExpression.stored("if", of: fields) ?? .null,
        ]
    }

    private static func debounce(_ fields: ConfigFields) throws(SyncProblem) -> JSON {
        let week = Duration.seconds(7 * 86_400)
        guard let period = try fields.duration("period", in: .seconds(1)...week) else {
            throw SyncProblem(fields.place("period"), "is missing")
        }
        let timeout = try fields.duration("timeout", in: .seconds(1) ... .seconds(366 * 86_400))
        return [
            "period_ms": ConfigDuration.milliseconds(period),
            "timeout_ms": timeout.map { ConfigDuration.milliseconds($0) } ?? .null,
            "key": try ConfigExpression.stored("key", of: fields) ?? .null,
        ]
    }

    private static func rateLimit(_ fields: ConfigFields) throws(SyncProblem) -> JSON {
        guard let limit = try fields.integer("limit", in: 1...1_000_000_000) else {
            throw SyncProblem(fields.place("limit"), "is missing")
        }
        guard let period = try fields.duration("period", in: .seconds(1) ... .seconds(86_400)) else {
            throw SyncProblem(fields.place("period"), "is missing")
        }
        return [
            "limit": .integer(limit), "period_ms": ConfigDuration.milliseconds(period),
            "key": try ConfigExpression.stored("key", of: fields) ?? .null,
        ]
    }

    private static func throttle(_ fields: ConfigFields) throws(SyncProblem) -> JSON {
        guard let limit = try fields.integer("limit", in: 0...1_000_000_000) else {
            throw SyncProblem(fields.place("limit"), "is missing")
        }
        guard let period = try fields.duration("period", in: .seconds(1) ... .seconds(366 * 86_400)) else {
            throw SyncProblem(fields.place("period"), "is missing")
        }
        return [
            "limit": .integer(max(limit, 1)), "period_ms": ConfigDuration.milliseconds(period),
            "burst": .integer(try fields.integer("burst", in: 0...1_000_000_000) ?? 0),
            "key": try ConfigExpression.stored("key", of: fields) ?? .null,
        ]
    }

    private static func singleton(_ fields: ConfigFields) throws(SyncProblem) -> JSON {
        let mode = try fields.text("mode")?.lowercased() ?? "skip"
        guard mode == "skip" || mode == "cancel" else {
            throw SyncProblem(fields.place("mode"), "must be \"skip\" or \"cancel\"")
        }
        return ["mode": .string(mode), "key": try ConfigExpression.stored("key", of: fields) ?? .null]
    }
}
