internal import CAssets

/// The engine's SQL, embedded from `Sources/CAssets/statements`: one statement a file, each explained at its head.
enum Statement: String, CaseIterable {
    case applyPending = "apply_pending"
    case claim
    case closeSession = "close_session"
    case commit
    case forgetIDs = "forget_ids"
    case forgetSessions = "forget_sessions"
    case heartbeat
    case held
    case look
    case markDead = "mark_dead"
    case memo
    case openSession = "open_session"
    case reap
    case resolve
    case send

    /// The statement's text.
    var sql: String { Self.texts[rawValue] ?? "" }

    private static let texts: [String: String] = Dictionary(
        uniqueKeysWithValues: (0..<nightjar_statement_count()).map { index in
            let asset = nightjar_statement(index)
            return (String(cString: asset.name), String(cString: asset.text))
        }
    )
}
