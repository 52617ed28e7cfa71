import Foundation
import NightjarTesting
import PostgresClient
import Synchronization
import TestSupport
import Testing

@testable import Nightjar

@Suite("A simulated year", .timeLimit(.minutes(3)))
struct SimulatedYearTests {
    struct Planned: EventData {
        static let eventName = "year/planned"
        var key: String
        var sleeps: Bool
    }
    struct Revoked: EventData {
        static let eventName = "year/revoked"
        var key: String
    }

    /// How often each step's body was executed.
    final class Bodies: Sendable {
        private let counts = Mutex<[String: Int]>([:])
        var all: [String: Int] { counts.withLock { $0 } }
        func count(_ name: String) { counts.withLock { $0[name, default: 0] += 1 } }
    }

    static func function(_ bodies: Bodies) -> FunctionDefinition {
        Function("plan", on: Planned.self).cancelOn(Revoked.self, match: \.key).run { event, step in
            let key = event.data.key
            // Large enough to be stored out of line.
            let before = try await step.run("before") {
                bodies.count("before \(key)")
                return (0..<2_000).map { _ in "\(UInt64.random(in: 0 ... .max))" }.joined()
            }
            if event.data.sleeps { try await step.sleep("year", for: .seconds(86_400)) }
            return try await step.run("after") {
                bodies.count("after \(key)")
                return "\(key) \(before.count > 10_000)"
            }
        }
    }

    @Test("weeks are dropped, sleepers of every month finish correctly, and then their weeks go too")
    func year() async throws {
        try await TestDatabase.with { database in
            let bodies = Bodies()
            let keys = (1...12).flatMap { month in (1...3).map { (month: month, key: "s\(month).\($0)") } }
            let quick = (1...12).flatMap { month in (1...5).map { (month: month, key: "q\(month).\($0)") } }
            try await RunningWorker.with([Self.function(bodies)], in: database) { client in
                _ = try await client.send(keys.map { try NewEvent(Planned(key: $0.key, sleeps: true)) })
                _ = try await client.send(quick.map { try NewEvent(Planned(key: $0.key, sleeps: false)) })
                let probe = try await Probe(database)
                try await probe.await(keys.count, "sleeping")
                try await probe.await(quick.count, "completed")
                // One of each month was cancelled then.
                _ = try await client.send((1...12).map { try NewEvent(Revoked(key: "s\($0).3")) })
                try await probe.await(12, "cancelled")
                try await probe.awaitApplied()
                await probe.connection.close()
            }
            let probe = try await Probe(database)
            try await probe.makeWeeks(back: 56)
            for month in 1...12 {
                let ofMonth = (keys + quick).filter { $0.month == month }.map(\.key)
                let runs = try await probe.run { db in
                    try db.query(
                        "SELECT r.run_id FROM nightjar.runs r JOIN nightjar.events e USING (event_id) WHERE e.data ->> 'key' = ANY ($1)",
                        [ofMonth]
                    ).map { try $0.decode(0, as: UUID.self) }
                }
                #expect(runs.count == 8)
                try await probe.shift(runs, by: month * 30)
            }
            #expect(try await probe.violations() == [])
            let sleepers = try await probe.liveRuns()
            #expect(sleepers.count == 24)
            let memos = try await probe.rows("steps", of: sleepers)
            #expect(memos.count == 48, "a step and a sleep each")
            let weeks = try await probe.partitions(of: "runs")

            try await probe.keep(days: 30)
            let planned = try await probe.run { db in try RetentionPlan.read(db) }
            #expect(
                planned.reduce(0) { $0 + ($1.log == .runs ? $1.liveRuns : 0) } >= 20,
                "those of the last month may not be due")
            let retention = Retention(database: database.configuration, logger: .silent)
            let results = try #require(try await retention.apply(all: true))
            #expect(results.count == planned.count)
            #expect(results.filter { $0.outcome.reason != nil } == [])
            let emptied = results.filter { $0.log == .runs && $0.outcome == .emptied(keptRows: 2) }
            #expect((10...12).contains(emptied.count), "\(results)")
            let droppedRuns = results.count { $0.log == .runs && $0.outcome == .dropped }
            let left = try await probe.partitions(of: "runs")
            #expect(left == weeks - Int64(droppedRuns))
            #expect(droppedRuns > 30)
            #expect(try await probe.partitions(of: "match_log") < 20, "nobody needs keys of long ago")
            #expect(try await probe.rows("steps", of: sleepers) == memos)
            #expect(try await probe.violations() == [])
            // Nothing more to do today.
            #expect(try await retention.apply(all: false) == [])

            try await probe.script(
                "SET enable_seqscan = on; UPDATE nightjar.steps SET due_at = now() WHERE kind = 2; UPDATE nightjar.live SET due_at = now() WHERE state = 2"
            )
            try await RunningWorker.with([Self.function(bodies)], in: database) { client in
                // Even now one of each month can be cancelled, or finish.
                for run in sleepers {
                    let outcome = try await client.outcome(of: run)
                    guard case .completed(let output) = outcome else {
                        Issue.record("\(run): \(outcome)")
                        continue
                    }
                    #expect(output.contains("true"))
                }
            }
            for (month, key) in keys {
                let isCancelled = key.hasSuffix(".3")
                #expect(bodies.all["before \(key)"] == 1, "\(month)")
                #expect(bodies.all["after \(key)"] == (isCancelled ? nil : 1), "\(month)")
            }
            #expect(try await probe.violations() == [])

            // They have ended lately: they stay for as long as others do, from now on.
            let again = try #require(try await retention.apply(all: true))
            #expect(again.count { $0.log == .runs && $0.outcome == .emptied(keptRows: 2) } == emptied.count, "\(again)")
            #expect(again.allSatisfy { $0.log != .events || $0.outcome == .dropped }, "\(again)")
            try await probe.script(
                "SET enable_seqscan = on; UPDATE nightjar.steps SET recorded_at = recorded_at - interval '31 days'; UPDATE nightjar.outcomes SET ended_at = ended_at - interval '31 days'"
            )
            let last = try #require(try await retention.apply(all: true))
            #expect(last.count == emptied.count && last.allSatisfy { $0.outcome == .dropped }, "\(last)")
            #expect(try await probe.violations() == [])
            await probe.connection.close()
        }
    }
}
