internal import Foundation
internal import NightjarCore
internal import PostgresClient

/// What became of a commit whose connection was lost before the answer came.
enum CommitStanding: Sendable {
    /// It is in the database.
    case recorded
    /// It is not, and the lease is still good: commit again.
    case open
    /// The lease is gone: whatever the run became, it is not ours.
    case superseded

    /// Looks up what became of commits. See `resolve.sql`.
    static func read(_ db: PostgresConnection, _ commits: [LeasedCommit], session: UUID) throws -> [UUID:
        CommitStanding]
    {
        let commit = Dictionary(commits.map { ($0.lease.run, $0) }) { first, _ in first }
        let rows = try db.query(
            Statement.resolve.sql,
            [
                session, commits.map(\.lease.run), commits.map(\.lease.epoch),
                commits.map { $0.steps.first?.step ?? $0.attempts.first?.step ?? $0.openings.first?.step },
                commits.map { $0.steps.isEmpty ? $0.attempts.first.map { Int16(clamping: $0.attempt) } : nil },
                commits.map { $0.steps.isEmpty && $0.attempts.isEmpty },
            ])
        var standings: [UUID: CommitStanding] = [:]
        for row in rows {
            let run = try row.decode(0, as: UUID.self)
            let (isHeld, isRecorded) = (try row.decode(1, as: Bool.self), try row.decode(2, as: Bool.self))
            guard let commit = commit[run] else { continue }
            if commit.releasesLease {
                // It would have released the lease in the same statement. Where it records nothing besides, a lease that
                // is gone tells nothing more, and need not: the database has the truth.
                let isSilent = commit.steps.isEmpty && commit.attempts.isEmpty && commit.openings.isEmpty
                standings[run] = isHeld ? .open : isRecorded || isSilent ? .recorded : .superseded
            } else {
                standings[run] = !isHeld ? .superseded : isRecorded ? .recorded : .open
            }
        }
        return standings
    }
}

extension LeasedCommit {
    /// The commit ends, parks or hands back the run.
    var releasesLease: Bool {
        if case .run(.keep) = next { return false }
        return true
    }
}
