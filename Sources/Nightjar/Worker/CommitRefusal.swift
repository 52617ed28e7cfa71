internal import Foundation
internal import PostgresClient

/// Why a commit was not recorded.
enum CommitRefusal: String, CaseIterable {
    /// The run has ended meanwhile, which is to say that it was cancelled.
    case cancelled
    /// Another worker has leased the run.
    case superseded
    /// It gave up waiting for what had come in time; it is executed again.
    case outdated
    /// The worker's session was lost.
    case session = "session_lost"
    /// The database takes no such data; the run fails.
    case invalid
    /// The worker is ending.
    case stopping

    /// Tells of leases that are gone why they are.
    static func read(_ db: PostgresConnection, of leases: [Lease]) throws -> [Lease: CommitRefusal] {
        guard !leases.isEmpty else { return [:] }
        let runs = leases.map(\.run)
        let unfinished = Set(
            try db.query("SELECT l.run_id FROM nightjar.live l WHERE l.run_id = ANY ($1)", [runs])
                .map { try $0.decode(0, as: UUID.self) })
        return Dictionary(leases.map { ($0, unfinished.contains($0.run) ? .superseded : .cancelled) }) { first, _ in
            first
        }
    }
}
