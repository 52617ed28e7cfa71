import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// Workers as processes of their own: killed, stopped and woken, asked to go.
@Suite(.serialized)
struct ProcessTests {
    private static let runs = 50
    private static let timeToLive = 3_000

    @Test("SIGKILL while 50 runs execute: all end on another worker, nothing recorded is executed twice")
    func kill() async throws {
        try await withFiftyHeld { first, second, probe in
            first.signal(SIGKILL)
            try await Self.release(probe)
            try await Self.expectAllCompleted(probe)
            #expect(try await Self.executions(probe, "quick") == Self.runs)
            #expect(try await Self.executions(probe, "held", by: "second") == Self.runs)
            second.signal(SIGTERM)
            #expect(try await second.end().status == 0)
        }
    }

    @Test("SIGSTOP for longer than a session lives: others take over; the sleeper wakes up and records nothing")
    func stop() async throws {
        try await withFiftyHeld { first, second, probe in
            first.signal(SIGSTOP)
            try await eventually("the other worker executes them all") {
                try await Self.executions(probe, "held", by: "second") == Self.runs
            }
            try await Self.release(probe)
            first.signal(SIGCONT)
            try await Self.expectAllCompleted(probe)
            #expect(try await Self.executions(probe, "quick") == Self.runs)

            // It goes on under a new session.
            second.signal(SIGTERM)
            try await second.end()
            let client = Client(database: probe.database.configuration, logger: .silent)
            let event = try await client.send([NewEvent(name: "test/work", data: ["number": 99])])[0]
            let run = try #require(try await client.runs(startedBy: event).first?.id)
            let outcome = try await client.outcome(of: run)
            #expect(outcome == .completed(output: "99"))
            await client.close()
            first.signal(SIGTERM)
            #expect(try await first.end().status == 0)
        }
    }

    @Test("SIGTERM: steps finish within the grace period, nothing is executed again")
    func terminate() async throws {
        try await withFiftyHeld { first, second, probe in
            first.signal(SIGTERM)
            try await Self.release(probe)
            #expect(try await first.end().status == 0)
            try await Self.expectAllCompleted(probe)
            #expect(try await Self.executions(probe, "held") == Self.runs)
            second.signal(SIGTERM)
            try await second.end()
        }
    }

    @Test("SIGTERM with steps that outlast the grace period: they are cancelled and handed back at once")
    func grace() async throws {
        try await withFiftyHeld(grace: 100, timeToLive: 60_000) { first, second, probe in
            first.signal(SIGTERM)
            #expect(try await first.end().status == 0)
            // Long before the session would have died.
            try await eventually("the other worker executes them all") {
                try await Self.executions(probe, "held", by: "second") == Self.runs
            }
            try await Self.release(probe)
            try await Self.expectAllCompleted(probe)
            #expect(try await Self.executions(probe, "quick") == Self.runs)
            second.signal(SIGTERM)
            try await second.end()
        }
    }

    @Test("A second signal ends the process at once")
    func secondSignal() async throws {
        try await withFiftyHeld(grace: 600_000) { first, second, probe in
            first.signal(SIGTERM)
            try await eventually("the first signal arrived") {
                first.signal(SIGTERM)
                return first.hasEnded
            }
            #expect(try await first.end().status == 128 + SIGTERM)
            second.signal(SIGTERM)
            second.signal(SIGKILL)
            try await second.end()
        }
    }

    // MARK: - Helpers

    /// Two workers; the first executes 50 runs that have recorded one step and hold in the next.
    private func withFiftyHeld(
        grace: Int = 20_000, timeToLive: Int = Self.timeToLive,
        _ body: @Sendable (_ first: RunningProgram, _ second: RunningProgram, _ probe: Probe) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.script(
                "CREATE TABLE executed (run_id uuid, step text, process text); CREATE TABLE released (now bool)")
            func start(_ name: String) throws -> RunningProgram {
                try RunningProgram("TestWorker", [database.url, name, "\(timeToLive)", "\(grace)"], input: nil)
            }
            let first = try start("first")
            try await eventually("the first worker is registered") {
                try await probe.value("SELECT count(*) FROM nightjar.functions", as: Int64.self) > 0
            }
            let client = Client(database: database.configuration, logger: .silent)
            try await client.send(
                (0..<Self.runs).map { try NewEvent(name: "test/work", data: ["number": .integer(Int64($0))]) })
            await client.close()
            try await eventually("all are held") { try await Self.executions(probe, "held") == Self.runs }
            let second = try start("second")
            try await eventually("the second worker has a session too") {
                try await probe.value("SELECT count(*) FROM nightjar.sessions WHERE name LIKE 'test %'", as: Int64.self)
                    == 2
            }
            do {
                try await body(first, second, probe)
            } catch {
                first.signal(SIGKILL)
                second.signal(SIGKILL)
                throw error
            }
        }
    }

    private static func release(_ probe: Probe) async throws {
        try await probe.script("INSERT INTO released VALUES (true)")
    }

    private static func executions(_ probe: Probe, _ step: String, by process: String? = nil) async throws -> Int {
        Int(
            try await probe.value(
                "SELECT count(*) FROM executed WHERE step = $1 AND process = coalesce($2, process)", [step, process],
                as: Int64.self))
    }

    private static func expectAllCompleted(_ probe: Probe) async throws {
        try await eventually("all runs are completed", within: .seconds(60)) {
            try await probe.value("SELECT count(*) FROM nightjar.outcomes WHERE status = 1", as: Int64.self)
                == Int64(runs)
        }
        #expect(try await probe.violations() == [])
    }
}
