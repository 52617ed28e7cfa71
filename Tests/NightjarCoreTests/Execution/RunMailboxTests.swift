import Foundation
import NightjarCore
import Testing

@Suite("What comes while a run is executed", .timeLimit(.minutes(1)))
struct RunMailboxTests {
    private func execution(_ store: RunStore, _ context: RunContext, _ mailbox: RunMailbox) -> RunExecution {
        RunExecution(
            definition: store.definition, context: context, recorder: store, clock: store.clock, logger: store.logger,
            patience: .none, mailbox: mailbox)
    }

    private func context(_ steps: [String]) -> RunContext {
        let open = steps.map { step in
            OpenStep(
                step: step, kind: .waitForEvent, wait: EventWait(event: "test/news", branches: [MatchBranch()]),
                dueAt: .start + .seconds(60), startedAt: .start)
        }
        return RunContext(
            runID: UUID(), function: "test", event: .empty, open: open, now: .start, startedAt: .start)
    }

    private func waiting() -> RunStore {
        RunStore(
            .test { step in
                try await step.waitForEvent("news", News.self, timeout: .seconds(60))?.data.value
            })
    }

    @Test("what was delivered before the execution began ends a wait")
    func beforeTheBeginning() async {
        let store = waiting()
        let mailbox = RunMailbox()
        mailbox.deliver([.event("news", 7)], mail: 1)

        let result = await execution(store, context(["news"]), mailbox).run()

        #expect(result == .ended(.completed(output: "7")))
        #expect(store.commits.last?.mail == 1)
    }

    @Test("what comes during an execution lets its branch go on in place")
    func duringTheExecution() async {
        let (started, arrived) = (Signal(), Signal())
        let store = RunStore(
            .test { step in
                async let news: Int? = {
                    let news = try await step.waitForEvent("news", News.self, timeout: .seconds(60))
                    arrived.fire()
                    return news?.data.value
                }()
                try await step.run("body") {
                    started.fire()
                    await arrived.wait()
                }
                return try await news
            })

        async let result = store.execute()
        await started.wait()
        let isNew = store.arrive(.event("news", 7))

        #expect(isNew)
        #expect(await result == .ended(.completed(output: "7")))
        #expect(store.memo.map(\.step) == ["news", "body"])
        #expect(store.violations.isEmpty)
    }

    @Test("a run is ready again when something came that it had not been told of when it parked")
    func betweenCommitAndPark() async {
        let store = waiting()
        _ = await store.execute()
        #expect(!store.isReady)
        // The context was read before the event came.
        let stale = context(["news"])
        store.arrive(.event("news", 7))

        let result = await execution(store, stale, RunMailbox()).run()

        #expect(result == .parked(until: .start + .seconds(60)))
        #expect(store.commits.last?.mail == 0)
        #expect(store.isReady)
        #expect(await store.runToEnd() == .completed(output: "7"))
    }

    @Test("commits say how many arrivals the run had been told of, by its context or since")
    func mail() async {
        let store = waiting()
        var context = context(["news"])
        context.mail = 3
        let mailbox = RunMailbox()
        mailbox.deliver([.event("other", 1)], mail: 5)
        mailbox.deliver([], mail: 4)

        _ = await execution(store, context, mailbox).run()

        #expect(store.commits.map(\.mail) == [5])
    }

    @Test("arrivals of steps that are not open, repeated ones and late ones have no effect")
    func ignored() async {
        let store = RunStore(
            .test { step in
                let first = try await step.waitForEvent("news", News.self, timeout: .seconds(60))
                async let second = step.waitForEvent("news", News.self, timeout: .seconds(60))
                try await step.run("body") {}
                return try await [first?.data.value, second?.data.value]
            })
        let mailbox = RunMailbox()
        mailbox.deliver([.event("news", 1), .event("news", 2), .event("news:1", 3), .event("other", 4)], mail: 4)
        mailbox.deliver([.event("news", 5)], mail: 5)

        let result = await execution(store, context(["news"]), mailbox).run()
        mailbox.deliver([.event("news:1", 6)], mail: 6)

        #expect(result == .parked(until: .start + .seconds(60)))
        #expect(store.memo.map(\.output) == [Arrival.event("news", 1).output, "null"])
        #expect(store.open.map(\.step) == ["news:1"])
    }

    @Test("a wait of a branch that a replay has yet to come to keeps what has come for it")
    func arrivalBeforeMeeting() async {
        let store = RunStore(
            .test { step in
                let one = try await step.run("one") { 1 }
                return try await step.waitForEvent("news", News.self, timeout: .seconds(60)).map { $0.data.value + one }
            })
        _ = await store.execute()
        store.arrive(.event("news", 7))

        #expect(await store.runToEnd() == .completed(output: "8"))
    }

    @Test("the earliest of sleeps, retries and waits wakes a run; what comes from outside names its state")
    func reasons() async {
        func park(_ body: @escaping @Sendable (Step) async throws -> Void) async -> Next? {
            let store = RunStore(.test { step in try await body(step) })
            _ = await store.execute()
            return store.commits.last?.next
        }
        @Sendable func wait(_ step: Step, _ seconds: Int) async throws {
            _ = try await step.waitForEvent("news", News.self, timeout: .seconds(seconds))
        }
        @Sendable func invoke(_ step: Step) async throws {
            _ = try await step.invoke("child", "f", with: ["a": 1], as: JSON.self)
        }
        @Sendable func retry(_ step: Step) async throws {
            try await step.run("failing", retries: RetryPolicy(backoff: .constant(.seconds(20)))) {
                throw TestFailure()
            }
        }
        let all = await park { step in
            async let news: Void = wait(step, 30)
            async let child: Void = invoke(step)
            async let nap: Void = step.sleep("nap", for: .seconds(25))
            async let failing: Void = retry(step)
            _ = try await (news, child, nap, failing)
        }
        let child = await park { step in
            async let child: Void = invoke(step)
            async let nap: Void = step.sleep("nap", for: .seconds(25))
            _ = try await (child, nap)
        }
        let retrying = await park { step in
            async let nap: Void = step.sleep("nap", for: .seconds(20))
            async let failing: Void = retry(step)
            _ = try await (nap, failing)
        }
        let alone = await park { step in try await invoke(step) }

        #expect(all == .park(until: .start + .seconds(20), reason: .waiting))
        #expect(child == .park(until: .start + .seconds(25), reason: .invoking))
        #expect(retrying == .park(until: .start + .seconds(20), reason: .retrying))
        #expect(alone == .park(until: .start + .seconds(10 * 365 * 86_400), reason: .invoking))
    }
}
