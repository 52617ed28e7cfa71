import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// Everything that is committed is counted once, whenever its transaction began and whoever counts.
@Suite(.timeLimit(.minutes(5)))
struct RollUpTests {
    @Test(
        "What commits late is counted once, and what took its number meanwhile is not counted before",
        arguments: [true, false])
    func lateCommit(commits: Bool) async throws {
        try await withProbes { probe, late in
            try await late.script("BEGIN")
            try await late.endRun()
            try await probe.endRun()
            for _ in 0..<5 {
                try await probe.rollUp()
                #expect(try await probe.sum("sum(ended)") == 0)
            }
            try await late.script(commits ? "COMMIT" : "ROLLBACK")
            try await probe.rollUp(until: "sum(ended)", is: commits ? 2 : 1)
            for _ in 0..<5 { try await probe.rollUp() }
            #expect(try await probe.sum("sum(ended)") == (commits ? 2 : 1))
        }
    }

    @Test("A transaction that had begun before, and takes its number after somebody has looked how far the numbers are")
    func numberTakenAfterwards() async throws {
        try await withProbes { probe, late in
            try await probe.endRun()
            try await late.script("BEGIN; SELECT pg_current_xact_id()")
            try await probe.rollUp()
            try await late.endRun()
            try await probe.endRun()
            for _ in 0..<3 { try await probe.rollUp() }
            #expect(try await probe.sum("sum(ended)") == 0)
            try await late.script("COMMIT")
            try await probe.rollUp(until: "sum(ended)", is: 3)
        }
    }

    @Test("A chunk that is rolled back is counted again; chunks of any size add up")
    func crash() async throws {
        try await withProbes { probe, _ in
            for _ in 0..<7 { try await probe.endRun() }
            try await eventually("something is safe to be counted", within: .seconds(120)) {
                try await probe.rollUp(1)
                return try await probe.sum("sum(ended)") > 0
            }
            let counted = try await probe.sum("sum(ended)")
            for size: Int32 in [1, 2, 3] {
                try await probe.script("BEGIN")
                try await probe.rollUp(size)
                #expect(try await probe.sum("sum(ended)") == counted + Int64(size))
                try await probe.script("ROLLBACK")
                #expect(try await probe.sum("sum(ended)") == counted)
            }
            while try await probe.rollUp(2) > 0 {}
            try await probe.rollUp(until: "sum(ended)", is: 7)
            for grain in ["minute", "hour", "day"] { #expect(try await probe.sum("sum(ended)", grain: grain) == 7) }
        }
    }

    @Test("Whoever comes while somebody counts leaves it to him, and waits for nothing")
    func oneAtATime() async throws {
        try await withProbes { probe, other in
            try await probe.endRun()
            try await other.script("BEGIN; SELECT nightjar_report.roll_up()")
            #expect(try await probe.rollUp() == 0)
            try await other.script("COMMIT")
            try await probe.rollUp(until: "sum(ended)", is: 1)
        }
    }

    @Test("Many who count, many who write, transactions that roll back: everything is counted once")
    func concurrently() async throws {
        try await withProbes { probe, _ in
            let database = probe.database
            let committed = try await withThrowingTaskGroup(of: Int64.self) { group in
                for writer in 0..<4 {
                    group.addTask {
                        let writer = (number: writer, probe: try await Probe(database))
                        var committed: Int64 = 0
                        for round in 0..<40 {
                            try await writer.probe.script("BEGIN")
                            for _ in 0...(round % 3) { try await writer.probe.endRun() }
                            try await writer.probe.send("test/unheard", key: "\(round)")
                            let isKept = (round + writer.number) % 5 != 0
                            try await writer.probe.script(isKept ? "COMMIT" : "ROLLBACK")
                            if isKept { committed += Int64(round % 3 + 1) * 1_000 + 1 }
                        }
                        return committed
                    }
                }
                for size: Int32 in [1, 3, 50] {
                    group.addTask {
                        let counter = try await Probe(database)
                        for round in 0..<60 {
                            try await counter.script("BEGIN")
                            try await counter.rollUp(size)
                            try await counter.script(round % 4 == 0 ? "ROLLBACK" : "COMMIT")
                        }
                        return 0
                    }
                }
                return try await group.reduce(0, +)
            }
            try await probe.rollUp(until: "sum(ended)", is: committed / 1_000)
            #expect(try await probe.events("test/unheard") == committed % 1_000)
            for _ in 0..<3 { try await probe.rollUp() }
            #expect(try await probe.sum("sum(ended)") == committed / 1_000)
        }
    }

    @Test("In a database that was restored to another server, counting goes on")
    func restored() async throws {
        try await withProbes { probe, _ in
            try await probe.endRun()
            try await probe.script("UPDATE nightjar.rollup_progress SET seen = 1, seen_by = '9000000000000000000'")
            try await probe.rollUp(until: "sum(ended)", is: 1)
        }
    }

    @Test("Figures stay when the logs' partitions are dropped")
    func droppedPartitions() async throws {
        try await withProbes { probe, _ in
            try await probe.endRun()
            try await probe.send("test/unheard", key: "k")
            try await probe.rollUp(until: "sum(ended)", is: 1)
            try await eventually("the event is counted", within: .seconds(120)) {
                try await probe.rollUp()
                return try await probe.events("test/unheard") == 1
            }
            try await probe.script(
                """
                DO $$ DECLARE part regclass; BEGIN
                    FOR part IN SELECT i.inhrelid FROM pg_inherits i
                                WHERE i.inhparent IN ('nightjar.outcomes'::regclass, 'nightjar.events'::regclass) LOOP
                        EXECUTE format('DROP TABLE %s', part);
                    END LOOP;
                    PERFORM nightjar.make_partitions();
                END $$
                """)
            try await probe.endRun()
            try await probe.rollUp(until: "sum(ended)", is: 2)
            #expect(try await probe.events("test/unheard") == 1)
        }
    }

    @Test("Names that are made up anew each time do not make a row each")
    func manyNames() async throws {
        try await withProbes { probe, _ in
            try await probe.script(
                "INSERT INTO nightjar.events (name) SELECT 'made-up/' || n FROM generate_series(1, 1500) n")
            try await eventually("the events are counted", within: .seconds(120)) {
                try await probe.rollUp()
                return try await probe.value("SELECT coalesce(sum(count), 0) = 1500 FROM nightjar.event_rollups")
            }
            // Two hours, if the test runs at the end of one.
            let names = try await probe.value("SELECT count(DISTINCT name) FROM nightjar.event_rollups", as: Int64.self)
            #expect((1_001...2_001).contains(names) || names == 1_500)
            #expect(
                try await probe.value(
                    "SELECT max(count) FROM (SELECT count(*) FROM nightjar.event_rollups GROUP BY at) c") <= 1_001)
        }
    }

    private func withProbes(_ body: @Sendable (Probe, Probe) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            try await body(try await Probe(database), try await Probe(database))
        }
    }
}
