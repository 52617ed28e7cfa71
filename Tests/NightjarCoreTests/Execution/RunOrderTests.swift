import Foundation
import Testing

@testable import NightjarCore

/// The order in which branches go on is that of every later replay, asked of the machine itself.
struct RunOrderTests {
    @Test("a body that returns while a sleep's branch is on its way goes on behind it, as in a replay")
    func returnBesideDelivery() throws {
        let context = RunContext(runID: UUID(), function: "test", event: .empty, now: .start, startedAt: .start)
        var machine = RunMachine(context: context, options: FunctionOptions(), patience: .init(), now: .start)
        let due = Date.start + 10
        guard case .wait(let sleeper) = try machine.meetSleep("s", until: due, isCancelled: false, now: .start),
            case .wait(let worker) = try machine.meetRun("r", isCancelled: false, now: .start)
        else {
            Issue.record("both wait: the sleep for its time, the body for the sleep to be recorded")
            return
        }
        guard case .commit(let commit) = machine.turn(.at(.start)) else {
            Issue.record("the sleep is recorded")
            return
        }
        _ = machine.answered(commit, .accepted)
        guard case .resume(let started) = machine.turn(.at(.start)) else {
            Issue.record("the body starts")
            return
        }
        #expect(started.map(\.ticket) == [worker])

        guard case .resume(let passed) = machine.turn(.at(due)) else {
            Issue.record("the sleep is over")
            return
        }
        #expect(passed.map(\.ticket) == [sleeper])
        // Before the sleep's branch goes on.
        let execution = RunMachine.Execution(key: "r", attempt: 1, startedAt: .start)
        let behind = try machine.completed(execution, output: "1", now: due + 0.001)
        let ticket = try #require(behind)
        guard case .resume(let next) = machine.turn(.at(due + 0.002)) else {
            Issue.record("then the body's branch goes on")
            return
        }
        #expect(next.map(\.ticket) == [ticket])
    }
}

extension RunMachine.Situation {
    fileprivate static func at(_ now: Date) -> Self {
        Self(now: now, wasBusy: true, mayHaveUnseenWork: true, random: { 0 })
    }
}
