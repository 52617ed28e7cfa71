import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// An ended run can be run again, from the beginning or from a step on.
@Suite("A rerun", .timeLimit(.minutes(3)))
struct RerunTests {
    /// A function that fails in its third step until it is allowed to succeed.
    private func function(_ log: Log, _ mayEnd: Signal) -> FunctionDefinition {
        Function("post", on: TestJob.self)
            .cancelOn("test/cancel", match: "data.key")
            .run { event, step in
                let one = try await step.run("one") {
                    log.add("one")
                    return 1
                }
                try await step.sleep("nap", for: .milliseconds(1))
                let answer = try await step.waitForEvent(
                    "answer", "test/answer", match: "data.key", timeout: .seconds(3_600))
                return try await step.run("last", retries: .never) {
                    log.add("last")
                    if !mayEnd.isSet { throw NotYet() }
                    return "\(one) \(answer?.data["text"]?.string ?? "none")"
                }
            }
    }

    private struct NotYet: Error {}

    @Test("keeps what was recorded before a step, or nothing; and is another run, of the same event")
    func keeps() async throws {
        let (log, mayEnd) = (Log(), Signal())
        try await TestDatabase.with { database in
            try await RunningWorker.with([function(log, mayEnd)], in: database) { client in
                let run = try #require(try await client.runs(startedBy: client.send(TestJob(key: "k"))).first)
                try await answer(run.id, client)
                guard case .failed = try await client.outcome(of: run.id) else {
                    Issue.record("it failed")
                    return
                }
                #expect(log.lines == ["one", "last"])

                mayEnd.set()
                let second = try await client.rerun(run.id, keepingStepsBefore: "last")
                #expect(try await client.outcome(of: second) == .completed(output: #""1 yes""#))
                #expect(log.lines == ["one", "last", "last"])
                let record = try #require(try await client.run(second))
                #expect(record.rerunOf == run.id)
                #expect(record.eventID == run.eventID)
                #expect(try await client.run(run.id)?.status == .failed, "the old one stays as it is")

                let third = try await client.rerun(second)
                try await answer(third, client)
                #expect(try await client.outcome(of: third) == .completed(output: #""1 yes""#))
                #expect(log.lines == ["one", "last", "last", "one", "last"])
                let probe = try await Probe(database)
                #expect(try await probe.violations() == [])
            }
        }
    }

    @Test("a cancelled run: what cancelled it does not cancel the rerun, a new event does")
    func cancelled() async throws {
        let (log, mayEnd) = (Log(), Signal())
        try await TestDatabase.with { database in
            try await RunningWorker.with([function(log, mayEnd)], in: database) { client in
                let run = try #require(try await client.runs(startedBy: client.send(TestJob(key: "k"))).first?.id)
                try await waiting(run, client)
                let cancel = try NewEvent(name: "test/cancel", data: ["key": "k"])
                try await client.send([cancel])
                guard case .cancelled = try await client.outcome(of: run) else {
                    Issue.record("it was cancelled")
                    return
                }
                let again = try await client.rerun(run, keepingStepsBefore: "answer")
                try await waiting(again, client)
                #expect(log.lines == ["one"], "its step is kept")
                try await client.send([cancel])
                guard case .cancelled = try await client.outcome(of: again) else {
                    Issue.record("it was cancelled")
                    return
                }
            }
        }
    }

    @Test("of what cannot be run again is refused with the reason")
    func refusals() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            let client = Client(database: database.configuration, logger: .silent)
            try await probe.send("test/post", key: "k")
            let lease = try #require(try await probe.claim().runs.first?.lease)
            #expect(try await probe.recordStep("a", under: lease))
            func refusal(_ run: UUID, _ step: String? = nil) async -> NightjarError? {
                await #expect(throws: NightjarError.self) { try await client.rerun(run, keepingStepsBefore: step) }
            }
            #expect(await refusal(UUID())?.code == .unknownRun)
            #expect(await refusal(lease.run)?.code == .cannotRerun)
            #expect(try await probe.complete(lease))
            let unknown = await refusal(lease.run, "b")
            #expect(unknown?.code == .unknownStep)
            #expect(unknown?.message.hasSuffix("It has recorded: a.") == true, "\(unknown?.message ?? "")")
            #expect(try await probe.value("SELECT count(*) FROM nightjar.runs", as: Int64.self) == 1)
            await client.close()
        }
    }

    private func waiting(_ run: UUID, _ client: Client) async throws {
        try await eventually("the run waits for the answer") { try await client.run(run)?.status == .waiting }
    }

    private func answer(_ run: UUID, _ client: Client) async throws {
        try await waiting(run, client)
        try await client.send([NewEvent(name: "test/answer", data: ["key": "k", "text": "yes"])])
    }
}
