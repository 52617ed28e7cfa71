import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// Limits among workers that are processes of their own.
@Suite(.serialized)
struct LimitProcessTests {
    private static let runs = 400
    private static let keys = 3

    @Test("Five of a key with four workers, kills and cancels mixed: never six executing, and never stuck")
    func exactness() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.script(
                """
                CREATE TABLE executed (run_id uuid, step text, process text);
                CREATE TABLE released (now bool);
                CREATE TABLE occupied (key int, number int, process text, executing int, at timestamptz DEFAULT clock_timestamp())
                """)
            func start(_ name: String) throws -> RunningProgram {
                try RunningProgram("TestWorker", [database.url, name, "3000", "20000", "limits"], input: nil)
            }
            var workers = try (1...4).map { try start("worker \($0)") }
            defer { for worker in workers { worker.signal(SIGKILL) } }
            try await eventually("the workers are there") {
                try await probe.value("SELECT count(*) FROM nightjar.sessions WHERE name LIKE 'test %'", as: Int64.self)
                    == 4
            }
            let client = Client(database: database.configuration, logger: .silent)
            try await client.send(
                (0..<Self.runs).map { number in
                    let key = number % Self.keys
                    return try NewEvent(
                        name: "test/limited", data: ["number": .integer(Int64(number)), "key": .integer(Int64(key))])
                })
            // Two die while they execute, and are replaced; all the time runs are cancelled wherever they are.
            for round in 0..<40 {
                let alive = try await probe.value(
                    "SELECT count(*) FROM nightjar.live WHERE function_id = (SELECT function_id FROM nightjar.functions WHERE name = 'limited')",
                    as: Int64.self)
                if alive == 0 { break }
                if round == 5 || round == 15 {
                    workers.removeFirst().signal(SIGKILL)
                    workers.append(try start("successor \(round)"))
                }
                // Some that executed a moment ago, some that wait.
                let numbers = try await probe.run { db in
                    try db.query(
                        """
                        (SELECT number FROM occupied ORDER BY at DESC LIMIT 1)
                        UNION ALL SELECT $1::int
                        """, [Int32.random(in: 0..<Int32(Self.runs))]
                    ).map { try $0.decode(0, as: Int32.self) }
                }
                try await client.send(
                    numbers.map { try NewEvent(name: "test/stop", data: ["number": .integer(Int64($0))]) })
                try await Task.sleep(for: .milliseconds(50))
            }
            try await eventually("all runs have ended", within: .seconds(90)) {
                try await probe.value("SELECT count(*) FROM nightjar.live", as: Int64.self) == 0
            }
            let most = try await probe.value("SELECT max(executing) FROM occupied", as: Int32.self)
            #expect(most == 5)
            let (completed, cancelled) = try await probe.run { db in
                let row = try db.query(
                    """
                    SELECT count(*) FILTER (WHERE o.status = 1), count(*) FILTER (WHERE o.status = 3)
                    FROM nightjar.outcomes o JOIN nightjar.functions f USING (function_id) WHERE f.name = 'limited'
                    """)[0]
                return (try row.decode(0, as: Int64.self), try row.decode(1, as: Int64.self))
            }
            #expect(completed + cancelled == Int64(Self.runs))
            #expect(completed > 0 && cancelled > 0)
            #expect(try await probe.violations() == [])
            await client.close()
        }
    }

    @Test("Slots that get free are taken at once, not by the next poll")
    func promptness() async throws {
        try await TestDatabase.with { database in
            let function = Function("one", on: Posted.self).concurrency(1).run { event, step in
                try await step.run("step") { event.data.number }
            }
            try await RunningWorker.with([function], in: database, configure: { $0.pollInterval = .seconds(3_600) }) {
                client in
                let events = try await client.send(
                    (0..<100).map { try NewEvent(name: "test/posted", data: ["number": .integer(Int64($0))]) })
                // The poll comes in an hour.
                for event in events {
                    let run = try #require(try await client.runs(startedBy: event).first?.id)
                    _ = try await client.outcome(of: run)
                }
            }
        }
    }

    private struct Posted: EventData {
        static let eventName = "test/posted"
        var number: Int
    }
}
