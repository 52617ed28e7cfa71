import Nightjar

extension RetentionPolicy {
    var json: JSON {
        [
            "log": .string(log.rawValue), "tenant": JSON(text: tenant), "keep": JSON(text: keep),
            "changed_at": JSON(time: changedAt), "changed_by": .string(changedBy),
        ]
    }
}

extension RetentionPlan {
    var json: JSON {
        [
            "log": .string(log.rawValue), "week": .string(week), "tables": .array(tables.map { .string($0) }),
            "bytes": .integer(Int64(bytes)), "live_runs": .integer(Int64(liveRuns)), "needed": .integer(Int64(needed)),
            "tried_at": JSON(time: triedAt), "reason": JSON(text: reason),
        ]
    }
}

extension RetentionResult {
    var json: JSON {
        [
            "log": .string(log.rawValue), "week": .string(week), "outcome": .string(outcome.word),
            "kept_rows": outcome.keptRows.map { .integer($0) } ?? .null, "reason": JSON(text: outcome.reason),
        ]
    }

    var text: String {
        let name = "\(log.rawValue) of \(week)"
        return switch outcome {
        case .dropped: "\(name): dropped"
        case .emptied(let rows): "\(name): emptied but for \(rows) \(log.noun)"
        case .kept(let reason): "\(name): kept, \(reason)"
        }
    }
}
