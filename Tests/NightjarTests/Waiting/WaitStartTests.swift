import Foundation
import NightjarCore
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// From when on events count for a wait.
struct WaitStartTests {
    private static let long = Duration.seconds(3_600)

    /// Waits after a step that takes as long as the test wants.
    private struct Busy {
        let started = Signal()
        let release = Signal()

        func function(_ since: WaitStart) -> FunctionDefinition {
            Function("post", on: TestJob.self).run { [started, release] event, step -> String? in
                try await step.run("busy") {
                    started.set()
                    try await release.wait()
                }
                return try await step.waitForEvent("w", Approved.self, match: "data.key", timeout: long, since: since)?
                    .id
            }
        }
    }

    @Test(
        "An event that came before the step began counts with since: .runStart only",
        arguments: [WaitStart.runStart, .now])
    func before(since: WaitStart) async throws {
        let busy = Busy()
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([busy.function(since)], in: database) { client in
                let run = try await probe.run(startedBy: client.send(TestJob(key: "k")))
                try await busy.started.wait()
                // Nobody ever waited for such events: this one carries no key.
                try await client.send([Approved.event("k", id: "early")])
                let keys = try await probe.count("match_log")
                #expect(keys == 0)
                busy.release.set()
                if since == .now {
                    try await probe.await(1, "waiting")
                    try await probe.awaitApplied()
                    try await probe.await(1, "waiting")
                    try await client.send([Approved.event("k", id: "late")])
                }
                let end = try await probe.end(of: run)
                #expect(end.output == (since == .now ? "\"late\"" : "\"early\""))
            }
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test(
        "An event whose transaction began before the step did, and commits after: with since: .runStart it counts",
        arguments: [WaitStart.runStart, .now])
    func oldTransaction(since: WaitStart) async throws {
        let busy = Busy()
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let user = try await Probe(database)
            try await RunningWorker.with([busy.function(since)], in: database) { client in
                let run = try await probe.run(startedBy: client.send(TestJob(key: "k")))
                try await busy.started.wait()
                try await user.script("BEGIN")
                try await user.send(Approved.eventName, data: #"{"key": "k"}"#, id: "early")
                busy.release.set()
                try await probe.await(1, "waiting")
                if since == .runStart {
                    let unsearched = try await probe.count("open_steps", where: "NOT looked")
                    #expect(unsearched == 1)
                } else {
                    try await probe.awaitApplied()
                }
                try await user.script("COMMIT")
                if since == .now {
                    try await probe.awaitApplied()
                    try await probe.await(1, "waiting")
                    try await client.send([Approved.event("k", id: "late")])
                }
                let end = try await probe.end(of: run)
                #expect(end.output == (since == .now ? "\"late\"" : "\"early\""))
            }
        }
    }

    @Test("A transaction that began while the place was being registered is waited for as well")
    func transactionMeanwhile() async throws {
        try await TestDatabase.with { database in
            let (probe, lease) = try await Self.leased(in: database)
            let registrar = try await Probe(database)
            let user = try await Probe(database)
            try await registrar.script("BEGIN; SELECT pg_current_xact_id()")
            // Its number is higher than the registrar's, and it does not know the place.
            try await user.script("BEGIN; SELECT pg_current_xact_id()")
            try await registrar.register(place: ["data", "key"])
            try await user.send("test/new", key: "k", id: "early")
            try await registrar.script("COMMIT")

            let isParked = try await probe.park(lease, opening: [Self.wait()])
            #expect(isParked)
            let isSearchedAgain = try await probe.lookBack()
            #expect(isSearchedAgain)
            try await user.script("COMMIT")
            try await probe.settle()
            let arrived = try await probe.arrival(lease.run, "w")
            #expect(arrived != nil)
            let status = try await probe.status(of: lease.run)
            #expect(status == "queued")
        }
    }

    @Test("A transaction that stays open keeps no wait from timing out, nor a run from being leased")
    func openTransaction() async throws {
        try await TestDatabase.with { database in
            let (probe, lease) = try await Self.leased(in: database)
            let user = try await Probe(database)
            try await user.script("BEGIN; SELECT pg_current_xact_id()")
            var wait = try Self.wait()
            wait.dueAt = Date(timeIntervalSinceNow: -1)
            let isParked = try await probe.park(lease, opening: [wait], until: wait.dueAt)
            #expect(isParked)
            let first = try await probe.claim()
            #expect(first.blocked == 1)
            let isSearchedAgain = try await probe.lookBack()
            #expect(isSearchedAgain)
            let claimed = try #require(try await probe.claim().runs.first?.lease)
            let nothing = RecordedStep(
                step: "w", kind: .waitForEvent, output: "null", startedAt: Date(), endedAt: Date())
            let recorded = try await probe.record([
                LeasedCommit(lease: claimed, tenant: 1, steps: [nothing], next: .run(.keep))
            ])
            #expect(recorded == [lease.run: .recorded])
            try await user.script("COMMIT")
        }
    }

    @Test("A transaction that begins after the place was registered holds up no search")
    func laterTransaction() async throws {
        try await TestDatabase.with { database in
            let (probe, lease) = try await Self.leased(in: database)
            let user = try await Probe(database)
            let isParked = try await probe.park(lease, opening: [Self.wait()])
            #expect(isParked)
            try await probe.lookBack()
            try await user.script("BEGIN")
            try await user.send("test/new", key: "k")
            // There may be transactions of other tests.
            try await eventually("it is searched no more") { try await !probe.lookBack() }
            try await user.script("COMMIT")
            try await probe.settle()
            let arrived = try await probe.arrival(lease.run, "w")
            #expect(arrived != nil)
        }
    }

    @Test(
        "What counts from the run's start: later than its own event, an id once, the earliest of all alternatives",
        arguments: [true, false])
    func whatCounts(isKnown: Bool) async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            if isKnown { try await Self.know(probe) }
            // Before the run's own event; and the same event once more, which has no second effect.
            try await probe.send("test/new", data: #"{"key": "k"}"#, id: "once")
            try await probe.send("test/post", key: "k")
            try await probe.send("test/new", data: #"{"key": "k"}"#, id: "once")
            let run = try await Self.begin(probe)
            try await probe.settle()
            let stale = try await probe.arrival(run, "w")
            #expect(stale == nil)
            let status = try await probe.status(of: run)
            #expect(status == "waiting")

            try await probe.send("test/post", key: "l")
            let first = try await probe.send("test/new", data: #"{"other": "l"}"#, id: "again")
            try await probe.send("test/new", data: #"{"other": "l"}"#, id: "again")
            try await probe.send("test/new", data: #"{"key": "l"}"#)
            let other = try await Self.begin(probe)
            try await probe.settle()
            let arrived = try await probe.arrival(other, "w")
            #expect(arrived == first)
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test("Of what came before and what came while the place was not known to all, the earliest counts")
    func mixed() async throws {
        try await TestDatabase.with { database in
            let (probe, lease) = try await Self.leased(in: database)
            let first = try await probe.send("test/new", key: "k")
            try await probe.register(place: ["data", "key"])
            // This one carries its key.
            try await probe.send("test/new", key: "k")
            let keys = try await probe.count(
                "match_log", where: "event_id IN (SELECT event_id FROM nightjar.events WHERE name = 'test/new')")
            #expect(keys == 1)
            try await probe.applyPending()
            let isParked = try await probe.park(lease, opening: [Self.wait()])
            #expect(isParked)
            try await probe.settle()
            let arrived = try await probe.arrival(lease.run, "w")
            #expect(arrived == first)
        }
    }

    // MARK: - Helpers

    private static func wait() throws -> OpenStep {
        .wait("w", for: "test/new", try .path("data.key"), looksBack: true)
    }

    private static func leased(in database: TestDatabase) async throws -> (Probe, Lease) {
        try await Probe.registerPost(in: database)
        let probe = try await Probe(database)
        try await probe.send("test/post", key: "k")
        return (probe, try #require(try await probe.claim().runs.first?.lease))
    }

    private static let either = "async.data.key == event.data.key || async.data.other == event.data.key"

    /// Lets the run that is ready wait.
    private static func begin(_ probe: Probe) async throws -> UUID {
        let lease = try #require(try await probe.claim().runs.first?.lease)
        let wait = OpenStep.wait("w", for: "test/new", try .expression(either), looksBack: true)
        let isParked = try await probe.park(lease, opening: [wait])
        #expect(isParked)
        return lease.run
    }

    /// Lets a run wait and end, so that the places are known to every transaction.
    private static func know(_ probe: Probe) async throws {
        try await probe.send("test/post", key: "another")
        let run = try await begin(probe)
        try await probe.settle()
        let unknown = try await probe.count("match_paths", where: "complete_from IS NULL AND event = 'test/new'")
        #expect(unknown == 0)
        _ = try await probe.value("SELECT nightjar.cancel($1)", [run], as: String.self)
    }
}

extension Probe {
    /// Makes a place of the event `test/new` known.
    fileprivate func register(place: [String]) async throws {
        try await run { db in
            _ = try db.query(Statement.registerPaths.sql, ["test/new", try PostgresJSON(encoding: [place])])
        }
    }
}
