/// What became of a week that was due.
package struct RetentionResult: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        /// Its partitions are gone.
        case dropped
        /// It holds only what unfinished runs need, and runs that have ended lately.
        case emptied(keptRows: Int)
        /// It is as it was.
        case kept(String)
    }

    package var log: RetentionLog
    /// The Monday, as `2026-01-05`.
    package var week: String
    package var outcome: Outcome
}

extension RetentionResult.Outcome {
    package var word: String {
        switch self {
        case .dropped: "dropped"
        case .emptied: "emptied"
        case .kept: "kept"
        }
    }

    package var keptRows: Int64? {
        if case .emptied(let rows) = self { Int64(rows) } else { nil }
    }

    package var reason: String? {
        if case .kept(let reason) = self { reason } else { nil }
    }
}
