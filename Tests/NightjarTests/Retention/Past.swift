import Foundation
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

/// Four runs of 100 days ago, one of which sleeps with a step recorded, and a week 200 days ago in which nobody lives.
struct Past: Sendable {
    var probe: Probe
    var sleeper: UUID
    var ended: [UUID]
    var lonely: UUID

    static func make(_ database: TestDatabase) async throws -> Past {
        try await Probe.registerPost(in: database)
        let probe = try await Probe(database)
        for key in ["sleeper", "a", "b", "c", "lonely"] { try await probe.send("test/post", key: key) }
        let claimed = try await probe.claim()
        var runs: [String: UUID] = [:]
        for run in claimed.runs {
            let key = try await probe.value(
                "SELECT data ->> 'key' FROM nightjar.events JOIN nightjar.runs USING (event_id) WHERE run_id = $1",
                [run.lease.run],
                as: String.self)
            runs[key] = run.lease.run
            let isRecorded = try await probe.recordStep("one", under: run.lease)
            #expect(isRecorded)
            let isDone =
                key == "sleeper"
                ? try await probe.park(run.lease, until: Date(timeIntervalSinceNow: 86_400))
                : try await probe.complete(run.lease)
            #expect(isDone)
        }
        try await probe.applyPending()
        try await probe.makeWeeks(back: 40)
        let near = ["sleeper", "a", "b", "c"].compactMap { runs[$0] }
        try await probe.shift(near, by: 100)
        try await probe.shift([runs["lonely"]].compactMap(\.self), by: 200)
        try await probe.keep(days: 30)
        let sleeper = try #require(try await probe.liveRuns().first)
        let ended = try await probe.run { db in
            try db.query("SELECT run_id FROM nightjar.outcomes ORDER BY run_id").map {
                try $0.decode(0, as: UUID.self)
            }
        }
        return Past(
            probe: probe, sleeper: sleeper, ended: Array(ended.dropFirst()), lonely: try #require(ended.first))
    }

    /// The sleeper has all that it needs, goes on and ends; what nobody needs is gone.
    func finish(steps: Int = 1) async throws {
        let violations = try await probe.violations()
        #expect(violations == [])
        let memo = try await probe.rows("steps", of: [sleeper])
        #expect(memo.count == steps)
        #expect(try await probe.rows("runs", of: ended + [lonely]) == [])
        try await probe.script("UPDATE nightjar.live SET due_at = now(), state = 2, session_id = NULL")
        let claim = try await probe.claim()
        let run = try #require(claim.runs.first)
        #expect(run.lease.run == sleeper)
        #expect(run.event.name == "test/post", "its event is there")
        let isRecorded = try await probe.recordStep("last", under: run.lease)
        #expect(isRecorded)
        let isDone = try await probe.complete(run.lease)
        #expect(isDone)
        #expect(try await probe.violations() == [])
        await probe.connection.close()
    }
}
