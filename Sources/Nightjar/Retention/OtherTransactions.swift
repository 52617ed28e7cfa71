internal import Foundation
internal import PostgresClient

/// The transactions of others that were under way at a moment.
///
/// Once they have ended, whatever is committed later began later: so a run that appears then has an id of after that moment.
struct OtherTransactions: Sendable {
    var readAt: Date
    /// The last number that an event had then. Those of events that come later are higher.
    var lastNumber: Int64
    private var names: [String]

    static func read(_ session: PostgresSession) async throws -> OtherTransactions {
        try await session.run { db in
            // The clock first.
            let row = try db.query("SELECT clock_timestamp(), last_value FROM nightjar.event_seq")[0]
            return OtherTransactions(
                readAt: try row.decode(0), lastNumber: try row.decode(1), names: try Self.names(db))
        }
    }

    /// Waits for their ends, without holding anybody up. False: some took longer.
    func haveEnded(_ session: PostgresSession, within patience: Duration) async throws -> Bool {
        let deadline = ContinuousClock.now + patience
        var left = Set(names)
        while !left.isEmpty {
            let now = try await session.run { db in try Self.names(db) }
            // One that is prepared goes on under another name: it may be one of them.
            left = left.intersection(now).union(now.filter { $0.hasPrefix("prepared ") })
            if left.isEmpty { break }
            if ContinuousClock.now >= deadline { return false }
            try await Task.sleep(for: .milliseconds(20))
        }
        return true
    }

    private static func names(_ db: PostgresConnection) throws -> [String] {
        try db.query(Statement.otherTransactions.sql).map { try $0.decode(0) }
    }
}
