import Foundation
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
    func others() async {
        let executions = Executions()
        let lease = Lease(run: UUID(), session: UUID(), epoch: 1)
        let wasCancelled = await executions.execute(lease, mailbox: RunMailbox(), mail: 0) {
            let other = executions.cancel(run: lease.run, session: UUID())
            let unknown = executions.cancel(run: UUID(), session: lease.session)
            let before = Task.isCancelled
            let own = executions.cancel(run: lease.run, session: lease.session)
            return [other, unknown, before, own, Task.isCancelled]
        }
        #expect(wasCancelled == [false, false, false, true, true])
    }
}
