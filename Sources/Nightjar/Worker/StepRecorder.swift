internal import Foundation
package import NightjarCore
package import PostgresClient

/// Records steps for runs that another process executes, under the lease which that process handed out.
package struct StepRecorder: Sendable {
    private let pool: PostgresPool

    package init(pool: PostgresPool) {
        self.pool = pool
    }

    /// Records steps, all or none; those that are recorded already stay as they are.
    ///
    /// - Returns: `.refused` when the lease is no longer current: the run was cancelled, ended or leased anew.
    /// - Throws: `PostgresError`.
    package func record(_ steps: [RecordedStep], under lease: RunLease) async throws -> CommitAnswer {
        for attempt in 1...20 {
            let answer = try await pool.transaction(retries: 3) { db -> CommitAnswer? in
                let known = try db.query(
                    "SELECT step FROM nightjar.steps WHERE run_id = $1 AND step = ANY ($2)",
                    [lease.run, steps.map(\.step)]
                ).map { try $0.decode(0, as: String.self) }
                var batch = CommitBatch()
                try batch.add(
                    LeasedCommit(
                        lease: Lease(run: lease.run, session: lease.session, epoch: lease.epoch),
                        tenant: lease.tenant, steps: steps.filter { !known.contains($0.step) }, next: .run(.keep)))
                if try batch.record(db, session: lease.session)[lease.run] != nil { return .accepted }
                // Not its lease any more, or somebody holds the row at this moment.
                let isHeld = try db.query(
                    "SELECT FROM nightjar.live WHERE run_id = $1 AND session_id = $2 AND epoch = $3 AND state = 1",
                    [lease.run, lease.session, lease.epoch])
                return isHeld.isEmpty ? .refused : nil
            }
            if let answer { return answer }
            try await Task.sleep(for: .milliseconds(5 * attempt))
        }
        return .refused
    }
}
