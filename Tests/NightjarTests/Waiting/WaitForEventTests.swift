import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

/// Runs that wait for events, executed by workers.
struct WaitForEventTests {
    /// The ways to say what is waited for; each is the key of a run.
    private enum Form: String, CaseIterable {
        case match, with, expression, field, rawMatch, rawWith, rawExpression, wildcard
    }

    private static let long = Duration.seconds(3_600)

    private static let function = Function("post", on: TestJob.self).run { event, step -> String? in
        let (id, name) = ("approval", Approved.eventName)
        let expression = "async.data.key == event.data.key && async.data.by == 'ada'"
        switch Form(rawValue: event.data.key) {
        case .match: return try await step.waitForEvent(id, Approved.self, match: "data.key", timeout: long)?.summary
        case .with:
            return try await step.waitForEvent(
                id, Approved.self, match: "data.key", with: #"data["key"]"#, timeout: long)?.summary
        case .expression:
            return try await step.waitForEvent(id, Approved.self, if: expression, timeout: long)?.summary
        case .field:
            return try await step.waitForEvent(
                id, Approved.self, where: \.key, equals: event.data.key, timeout: long)?.summary
        case .rawMatch:
            return try await step.waitForEvent(id, name, match: "data.key", timeout: long)?.decode(Approved.self)
                .summary
        case .rawWith:
            return try await step.waitForEvent(id, name, match: "data.key", with: "data.key", timeout: long)?
                .decode(Approved.self).summary
        case .rawExpression:
            return try await step.waitForEvent(id, name, if: expression, timeout: long)?.decode(Approved.self).summary
        case .wildcard:
            return try await step.waitForEvent(id, "test/*", match: "data.key", timeout: long)?
                .decode(Approved.self).summary
        case nil: return nil
        }
    }

    @Test("A run waits without a worker's slot, and goes on with the whole event, however its match is written")
    func resumes() async throws {
        @Sendable func approvals(of suffix: String) throws -> [NewEvent] {
            let date = Date(timeIntervalSince1970: 1_700_000_000.123)
            return try Form.allCases.map {
                try NewEvent(
                    Approved(key: $0.rawValue + suffix, by: "ada"), id: "id of \($0)\(suffix)", at: date,
                    user: ["id": "eve"])
            }
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            // One slot: a run that kept it would keep the others from waiting.
            try await RunningWorker.with([Self.function], in: database, configure: { $0.concurrency = 1 }) { client in
                let jobs = try await client.send(Form.allCases.map { try NewEvent(TestJob(key: $0.rawValue)) })
                try await probe.await(Form.allCases.count, "waiting")
                let isLeased = try await probe.count("live", where: "session_id IS NOT NULL OR due_at IS NULL")
                #expect(isLeased == 0)

                try await client.send(approvals(of: " of others"))
                try await probe.awaitApplied()
                try await probe.await(Form.allCases.count, "waiting")

                try await client.send(approvals(of: ""))
                for (form, job) in zip(Form.allCases, jobs) {
                    let run = try await probe.run(startedBy: job)
                    let end = try await probe.end(of: run)
                    let summary = "id of \(form) test/approved \(form.rawValue) ada eve 1700000000123"
                    #expect(end == Probe.End(status: "completed", output: "\"\(summary)\""))
                    let steps = try await probe.steps(of: run)
                    #expect(steps == ["approval"])
                }
            }
            let left = (try await probe.count("open_steps"), try await probe.count("waits"))
            #expect(left == (0, 0))
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test("A wait for any event of a name takes the first, of a type or by name", arguments: [true, false])
    func any(isTyped: Bool) async throws {
        let function = Function("post", on: TestJob.self).run { event, step -> String? in
            isTyped
                ? try await step.waitForEvent("any", Approved.self, timeout: Self.long)?.id
                : try await step.waitForEvent("any", Approved.eventName, timeout: Self.long)?.id
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([function], in: database) { client in
                let run = try await probe.run(startedBy: client.send(TestJob(key: "k")))
                try await probe.await(1, "waiting")
                try await client.send([NewEvent(name: "test/other", data: [:])])
                // In one statement, so in this order.
                try await client.send([Approved.event("x", id: "first"), Approved.event("k", id: "second")])
                let end = try await probe.end(of: run)
                #expect(end.output == "\"first\"")
            }
        }
    }

    @Test("A wait that times out gives nil; also one that can match nothing, since the run's own event lacks the field")
    func timesOut() async throws {
        let function = Function("post", on: TestJob.self).run { event, step -> [String?] in
            let time = Duration.milliseconds(200)
            async let none = step.waitForEvent("none", Approved.self, match: "data.by", timeout: time)
            async let late = step.waitForEvent("late", Approved.self, match: "data.key", timeout: time)
            return [try await none?.id, try await late?.id]
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([function], in: database) { client in
                let run = try await probe.run(startedBy: client.send(TestJob(key: "k")))
                try await client.send([Approved.event("other")])
                let end = try await probe.end(of: run)
                #expect(end == Probe.End(status: "completed", output: "[null, null]"))
                // What comes later finds nobody.
                try await client.send([Approved.event("k")])
                try await probe.awaitApplied()
                let steps = try await probe.steps(of: run)
                #expect(steps.sorted() == ["late", "none"])
            }
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test("A wait that can never work fails the run and says why: an expression, a name, a type that the event is not")
    func misuse() async throws {
        let function = Function("post", on: TestJob.self).run { event, step -> String? in
            switch event.data.key {
            case "expression":
                try await step.waitForEvent("w", Approved.self, if: "async.data.key = 1", timeout: Self.long)?.id
            case "name": try await step.waitForEvent("w", "te*st", timeout: Self.long)?.id
            default: try await step.waitForEvent("w", TestJob.self, timeout: Self.long)?.id
            }
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([function], in: database) { client in
                for (key, reason) in [("expression", "write \"==\""), ("name", "*")] {
                    let end = try await probe.end(of: probe.run(startedBy: client.send(TestJob(key: key))))
                    #expect(end.error?.code == RunError.Code.misuse)
                    #expect(end.error?.message.contains(reason) == true, "\(end)")
                }
                let run = try await probe.run(startedBy: client.send(TestJob(key: "type")))
                try await probe.await(1, "waiting")
                let other = try await client.send([NewEvent(name: TestJob.eventName, data: ["no": "key"])])
                let end = try await probe.end(of: run)
                #expect(end.error?.code == RunError.Code.eventMismatch)
                _ = try await probe.end(of: probe.run(startedBy: other[0]))
            }
        }
    }
}
