import Foundation
import NightjarCore
import Synchronization
import TestSupport
import Testing

@Suite("Memory", .timeLimit(.minutes(2)))
struct LeakTests {
    /// Counts those of its kind that live.
    private final class Canary: Sendable {
        private let count: Count
        init(_ count: Count) {
            self.count = count
            count.add(1)
        }
        deinit { count.add(-1) }
    }

    private final class Count: Sendable {
        private let value = Atomic(0)
        func add(_ change: Int) { value.add(change, ordering: .relaxed) }
        var current: Int { value.load(ordering: .relaxed) }
    }

    @Test("20,000 parked runs leave nothing behind")
    func parkedRuns() async {
        let (frames, locals, runs, started) = (Count(), Count(), Count(), Count())
        let definition = FunctionDefinition.test { step in
            let canary = Canary(frames)
            started.add(1)
            async let parallel: Int = {
                let inner = Canary(frames)
                try await step.sleep("parallel", for: .seconds(90))
                return withExtendedLifetime(inner) { 1 }
            }()
            async let news: Int = {
                let inner = Canary(frames)
                _ = try await step.waitForEvent("news", "test/news", timeout: .seconds(80))
                return withExtendedLifetime(inner) { 1 }
            }()
            let value = try await step.run("a") { 1 }
            try await step.sleep("nap", for: .seconds(60))
            return withExtendedLifetime(canary) { value } + (try await parallel + news)
        }
        let recorder = Recorder()
        // As long as the engine may deliver to a run that it no longer executes.
        var mailboxes: [RunMailbox] = []
        let context = RunContext(
            runID: UUID(), function: "test", event: .empty, now: .start, startedAt: .start)

        for _ in 0..<20_000 {
            let mailbox = RunMailbox()
            mailboxes.append(mailbox)
            let canary = Canary(runs)
            let result = await Local.$canary.withValue(Canary(locals)) {
                await RunExecution(
                    definition: definition, context: context, recorder: recorder, clock: ManualClock().runClock,
                    logger: LoggedLines().logger, patience: .none, mailbox: mailbox,
                    interrupted: { _ in withExtendedLifetime(canary) {} }
                ).run()
            }
            guard result == .parked(until: .start + .seconds(60)) else {
                Issue.record("a run did not park: \(result)")
                return
            }
        }

        #expect(started.current == 20_000)
        #expect(frames.current == 0)
        #expect(runs.current == 0)
        for mailbox in mailboxes { mailbox.deliver([.event("news", 1)], mail: 1) }
        // Task-locals live as long as the tasks that inherited them.
        #expect(locals.current == 0)
    }

    private enum Local {
        @TaskLocal static var canary: Canary?
    }

    private struct Recorder: RunRecorder {
        func commit(_ commit: RunCommit, of runID: UUID) async -> CommitAnswer { .accepted }
    }
}
