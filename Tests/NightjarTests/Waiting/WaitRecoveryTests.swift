import Foundation
import NightjarCore
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// Waits outlive workers, and need no notification.
struct WaitRecoveryTests {
    private static let long = Duration.seconds(3_600)

    private static let function = Function("post", on: TestJob.self).run { event, step -> String? in
        try await step.waitForEvent("w", Approved.self, match: "data.key", timeout: long)?.id
    }

    private static func quiet(_ configuration: inout WorkerConfiguration) {
        configuration.listens = false
        configuration.pollInterval = .milliseconds(50)
    }

    @Test("A run waits while no worker is there; the event comes, a new worker goes on", arguments: [true, false])
    func restart(eventWhileDown: Bool) async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let run = try await RunningWorker.with([Self.function], in: database) { client in
                let run = try await probe.run(startedBy: client.send(TestJob(key: "k")))
                try await probe.await(1, "waiting")
                return run
            }
            if eventWhileDown { try await probe.send(Approved.eventName, data: #"{"key": "k"}"#, id: "a") }
            try await RunningWorker.with([Self.function], in: database) { client in
                if !eventWhileDown { try await client.send([Approved.event("k", id: "a")]) }
                let end = try await probe.end(of: run)
                #expect(end == Probe.End(status: "completed", output: "\"a\""))
            }
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test("An event that came in time counts, although nobody was there to apply it before the time was up")
    func inTimeWhileDown() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            for key in ["in time", "late", "none"] { try await probe.send("test/post", key: key) }
            let leases = try await probe.claim().runs.map(\.lease)
            let due = Date(timeIntervalSinceNow: 3_600)
            for lease in leases {
                let wait = OpenStep.wait("w", for: "test/new", try .path("data.key"), until: due)
                let isParked = try await probe.park(lease, opening: [wait], until: due)
                #expect(isParked)
            }
            try await probe.lookBack()
            try await probe.send("test/new", key: "in time")
            // The time is up.
            try await probe.script(
                """
                UPDATE nightjar.open_steps SET due_at = clock_timestamp();
                UPDATE nightjar.live l SET due_at = o.due_at FROM nightjar.open_steps o WHERE o.run_id = l.run_id
                """)
            try await probe.send("test/new", key: "late")

            // Not applied: what was answered in time is left to be applied first; the others have timed out.
            let claim = try await probe.claim()
            #expect(claim.blocked == 1)
            #expect(claim.runs.map(\.mail) == [0, 0])
            try await probe.applyPendingOnce()
            let answered = try #require(try await probe.claim().runs.first)
            #expect(answered.mail == 1)
            #expect(answered.lease.run == leases[0].run)
            let arrived = try await probe.arrival(leases[1].run, "w")
            #expect(arrived == nil)
        }
    }

    @Test(
        "A worker dies while a run that it executes waits; the event comes before or after: another one goes on",
        arguments: [true, false])
    func death(eventFirst: Bool) async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let dead = try await Probe(database)
            let probe = try await Probe(database)
            try await dead.send("test/post", key: "k")
            let lease = try #require(try await dead.claim().runs.first?.lease)
            let wait = OpenStep.wait("w", for: Approved.eventName, try .path("data.key"))
            let accepted = try await dead.record([
                LeasedCommit(lease: lease, tenant: 1, openings: [wait], next: .run(.keep))
            ])
            #expect(accepted == [lease.run: .recorded])
            if eventFirst {
                try await probe.send(Approved.eventName, data: #"{"key": "k"}"#, id: "a")
                try await probe.settle()
            }
            try await dead.markDead(dead.session)
            try await RunningWorker.with([Self.function], in: database, app: Probe.queueName) { client in
                if !eventFirst {
                    try await probe.await(1, "waiting")
                    try await client.send([Approved.event("k", id: "a")])
                }
                let end = try await probe.end(of: lease.run)
                #expect(end == Probe.End(status: "completed", output: "\"a\""))
            }
            // The one that was thought dead has its own opinion, and is not asked.
            let timeout = RecordedStep(
                step: "w", kind: .waitForEvent, output: "null", startedAt: Date(), endedAt: Date())
            let recorded = try await dead.record([
                LeasedCommit(lease: lease, tenant: 1, steps: [timeout], next: .run(.keep))
            ])
            #expect(recorded.isEmpty)
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test("With every notification lost: parked runs go on, and a run that executes is told")
    func allHintsLost() async throws {
        let told = Signal()
        let function = Self.parallel(told)
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([Self.function, function], in: database, configure: Self.quiet) { client in
                try await client.send(TestJob(key: "k"))
                try await probe.await(1, "waiting")
                try await Self.awaitOpen(2, probe)
                try await client.send([Approved.event("k", id: "a")])
                try await told.wait()
                try await probe.await(2, "completed")
            }
        }
    }

    @Test("A run that executes something else is told at once of an event that one of its branches waits for")
    func whileExecuting() async throws {
        let told = Signal()
        let function = Self.parallel(told)
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            // So long a poll that only a notification can be in time.
            try await RunningWorker.with([function], in: database, configure: { $0.pollInterval = .seconds(600) }) {
                client in
                let run = try await probe.run(startedBy: client.send(TestJob(key: "k")))
                try await Self.awaitOpen(1, probe)
                try await client.send([Approved.event("k", id: "a")])
                try await told.wait()
                let end = try await probe.end(of: run)
                #expect(end.output == "\"a\"")
                let steps = try await probe.steps(of: run)
                #expect(steps.first == "w")
            }
        }
    }

    /// A run with two branches: one waits for an event, and says so when it has come; until then the other is busy.
    private static func parallel(_ told: Signal) -> FunctionDefinition {
        Function("parallel", on: TestJob.self).run { event, step -> String? in
            try await withThrowingTaskGroup(of: String?.self) { group in
                group.addTask {
                    let approval = try await step.waitForEvent("w", Approved.self, match: "data.key", timeout: long)
                    try await step.run("heard") { told.set() }
                    return approval?.id
                }
                group.addTask {
                    try await step.run("busy") { try await told.wait() }
                    return nil
                }
                return try await group.reduce(nil) { $0 ?? $1 }
            }
        }
    }

    private static func awaitOpen(_ count: Int64, _ probe: Probe) async throws {
        try await eventually("\(count) steps wait") { try await probe.count("open_steps") == count }
    }
}
