package import Foundation
internal import PostgresClient

extension Client {
    /// Stores events, all or none, in this order, and answers under which ids once they are durable. Those of concurrent calls
    /// share a commit; see ``EventGroup``.
    ///
    /// Events that are stored already are left alone, so a connection that is lost on the way does no harm: the same is
    /// done again.
    /// - Throws: `NightjarError` when a tenant is suspended or at a limit; `PostgresError`; `CancellationError` when nothing was
    ///   stored.
    package func store(_ events: [StorableEvent]) async throws -> [UUID] {
        guard !events.isEmpty else { return [] }
        do { return try await group.store(events) } catch let error as PostgresError {
            throw NightjarError.tenantRefusal(error) ?? error
        }
    }
}
