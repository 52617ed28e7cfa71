import Foundation
import TestSupport
import Testing

@testable import Nightjar

/// The registry of what a worker executes.
struct ExecutionsTests {
    @Test("What is cancelled before its execution is known here is cancelled from its very beginning")
    func doomed() async {
        let executions = Executions()
        for _ in 0..<500 {
            let lease = Lease(run: UUID(), session: UUID(), epoch: 1)
            executions.doom(lease)
            let wasCancelled = await executions.execute(lease, mailbox: RunMailbox(), mail: 0) { Task.isCancelled }
            #expect(wasCancelled)
        }
        #expect(executions.count == 0)
    }

    @Test("A cancel of another session's lease, or of another run, cancels nothing")
    func others() async throws {
        let executions = Executions()
        let lease = Lease(run: UUID(), session: UUID(), epoch: 1)
        let execution = Task {
            await executions.execute(lease, mailbox: RunMailbox(), mail: 0) { await Signal().untilCancelled() }
        }
        try await Waiting.until("it executes") { executions.contains(lease) }
        #expect(!executions.cancel(run: lease.run, session: UUID()))
        #expect(!executions.cancel(run: UUID(), session: lease.session))
        #expect(executions.cancel(run: lease.run, session: lease.session))
        await execution.value
    }

    @Test("What is doomed although it executes already is cancelled at once, and not remembered")
    func doomedLate() async throws {
        let executions = Executions()
        let lease = Lease(run: UUID(), session: UUID(), epoch: 1)
        let execution = Task {
            await executions.execute(lease, mailbox: RunMailbox(), mail: 0) { await Signal().untilCancelled() }
        }
        try await Waiting.until("it executes") { executions.contains(lease) }
        executions.doom(lease)
        await execution.value
        let wasCancelled = await executions.execute(lease, mailbox: RunMailbox(), mail: 0) { Task.isCancelled }
        #expect(!wasCancelled)
    }
}
