package import Foundation
package import Logging
package import PostgresClient

/// Reads what happened: events, runs, one run's timeline. Over one connection, and a failure to connect is reported at
/// once: for programs that a person waits for.
package final class Reports: Sendable {
    /// What acts, over the same connection.
    package let client: Client
    let session: PostgresSession

    /// Creates a reader; it connects when it is first asked.
    package init(database: PostgresConfiguration, logger: Logger) {
        session = PostgresSession(database.forClient, logger: logger)
        client = Client(session, logger: logger)
    }

    /// Why this database, a standby, is not to be asked; nil: it may be.
    package func problem(maximumLag: Duration) async -> String? {
        do {
            return try await session.run { db in try ReplicaStanding.read(db) }.problem(maximumLag: maximumLag)
        } catch {
            return "\(error)"
        }
    }

    /// Closes the connection.
    package func close() async {
        await session.close()
    }

    /// The latest events, the newest first.
    /// - Parameter name: only events of this name, or, when it ends in `*`, of names that begin so.
    package func events(name: String?, limit: Int) async throws -> [EventRecord] {
        try await session.run { db in
            try db.query(Statement.reportEvents.sql, [name, limit]).map(EventRecord.init)
        }
    }

    /// Runs, the newest first.
    package func runs(_ query: RunQuery) async throws -> [RunRecord] {
        try await session.run { db in try query.read(db) }
    }

    /// Everything that is known of a run, as of one moment; nil when there is no such run.
    package func timeline(of run: UUID) async throws -> RunTimeline? {
        try await session.run { db in
            try db.transaction(isolation: .repeatableRead, readOnly: true) { db in try RunTimeline.read(db, run: run) }
        }
    }
}
