import Foundation
import Nightjar
import NightjarTesting
import Testing

@Suite("nightjar bench", .serialized, .timeLimit(.minutes(5)))
struct BenchCommandTests {
    @Test("ingest: every way of sending has a speed, a reference and the size of its commits")
    func ingest() async throws {
        let report = try await bench("ingest", "--seconds", "0.1", "--repeat", "2")

        let ways = [
            "single_1": 1.0, "single_16": 1, "single_64": 1, "batch_100_x1": 100, "batch_100_x4": 100,
            "batch_1000_x1": 1_000,
            "batch_1000_x4": 1_000, "plain_insert_1": 1, "plain_insert_16": 1,
        ]
        for (way, perCommit) in ways {
            #expect(report["\(way)_events_per_second"] > 0, "\(way)")
            #expect(report["\(way)_events_per_second_reference"] > 0, "\(way)")
            #expect(report["\(way)_events_per_second_share"] >= 0, "\(way)")
            #expect(report["\(way)_call_ms_p99"] >= report["\(way)_call_ms_p50"], "\(way)")
            #expect(report["\(way)_events_per_commit"] >= perCommit, "\(way)")
        }
        for fact in ["cores", "memory_gigabytes", "load_at_start", "load_at_end", "commit_ms", "fsync_ms"] {
            #expect(report.machine[fact].map(Self.isNumber) == true, "\(fact)")
        }
        let texts = [
            "system", "build", "nightjar", "server_version", "fsync", "synchronous_commit", "full_page_writes",
            "shared_buffers", "max_wal_size", "wal_sync_method", "jit", "max_connections",
        ]
        for fact in texts { #expect(report.machine[fact].map(Self.isText) == true, "\(fact)") }
    }

    @Test("ingest: events to which nobody listens")
    func unheard() async throws {
        let report = try await bench("ingest", "--seconds", "0.05", "--repeat", "1", "--functions", "0")

        #expect(report["functions"] == 0)
        #expect(report["batch_1000_x1_events_per_second"] > 0)
    }

    @Test("throughput: worker processes execute a backlog beside sleeping and finished runs; each run has its budget")
    func throughput() async throws {
        let report = try await bench(
            "throughput", "--runs", "300", "--steps", "3", "--workers", "2", "--sleeping", "500", "--finished", "200")

        #expect(report["runs"] == 300)
        #expect(report["workers"] == 2)
        let positive = [
            "runs_per_second", "runs_per_second_reference", "runs_per_second_share", "runs_per_claim",
            "wal_bytes_per_run",
            "transactions_per_run", "pages_per_run", "events_sent_per_second",
        ]
        for figure in positive { #expect(report[figure] > 0, "\(figure)") }
        #expect(report["runs_per_commit"] <= 300)
    }

    @Test("throughput: a steady stream, on a server of its own, whose processor time is known")
    func stream() async throws {
        let result = try await nightjar("bench", "throughput", "--rate", "200", "--seconds", "1", "--json")
        let report = try Report(result)

        #expect(report["runs"] == 200)
        #expect(report["events_per_second_wanted"] == 200)
        #expect(report["sent_to_ended_ms_p99"] >= report["sent_to_ended_ms_p50"])
        #expect(report["sent_to_ended_ms_max"] >= report["sent_to_ended_ms_p99"])
        #if os(Linux)
            #expect(report["worker_cpu_ms_per_1000_runs"] > 0)
            #expect(report["server_cpu_ms_per_1000_runs"] > 0)
            #expect(report["worker_peak_megabytes"] > 1)
        #endif
        #expect(report.machine["fsync"] == .string("on"))
    }

    @Test("throughput --all: one worker against two, four, three steps, and beside sleeping runs")
    func comparison() async throws {
        let report = try await bench("throughput", "--all", "--runs", "200", "--sleeping", "300", "--repeat", "1")

        for name in ["one_worker", "two_workers", "four_workers", "three_steps", "beside_sleepers"] {
            #expect(report["\(name)_runs_per_second"] > 0, "\(name)")
            #expect(report["\(name)_runs_per_second_reference"] > 0, "\(name)")
        }
        for ratio in ["two_workers_to_one", "four_workers_to_one", "three_steps_to_one", "beside_sleepers_to_none"] {
            #expect(report[ratio] > 0, "\(ratio)")
        }
    }

    @Test("without --json: a table of figures, and of the machine in parentheses")
    func table() async throws {
        try await TestDatabase.with { database in
            let result = try await nightjar(
                "bench", "throughput", "--runs", "50", "--database", database.url)
            #expect(result.status == 0, "\(result.error)")
            #expect(result.output.contains("reference"))
            #expect(result.output.contains("runs_per_second"))
            #expect(result.output.contains("(cores)"))
            #if DEBUG
                #expect(result.error.contains("debug build"))
            #endif
        }
    }

    @Test("refuses what makes no sense; the worker is for scenarios only")
    func usage() async throws {
        #expect(try await nightjar("bench", "throughput", "--all", "--rate", "5").status != 0)
        #expect(try await nightjar("bench", "ingest", "--seconds", "0").status != 0)
        #expect(try await nightjar("bench", "worker").error.contains("started by the other scenarios"))
        #expect(try await !nightjar("bench", "--help").output.contains("worker  "))
    }

    /// What a scenario printed.
    private struct Report {
        var machine: [String: JSON]
        private var figures: [String: JSON]

        init(_ result: RunningProgram.Result) throws {
            try #require(result.status == 0, "\(result.error)")
            guard case .object(let document)? = try result.json().first,
                case .object(let machine)? = document["machine"],
                case .object(let figures)? = document["figures"]
            else { throw CocoaError(.coderReadCorrupt) }
            (self.machine, self.figures) = (machine, figures)
        }

        /// A figure; less than everything when it is missing.
        subscript(name: String) -> Double {
            switch figures[name] {
            case .integer(let number): Double(number)
            case .number(let number): number
            default: -.infinity
            }
        }
    }

    /// Runs a scenario in a database of its own on the tests' server.
    private func bench(_ arguments: String...) async throws -> Report {
        try await TestDatabase.with { database in
            try Report(
                try await RunningProgram("nightjar", ["bench"] + arguments + ["--json", "--database", database.url])
                    .end(within: .seconds(120)))
        }
    }

    private static func isNumber(_ value: JSON) -> Bool {
        switch value {
        case .integer, .number: true
        case .null, .bool, .string, .array, .object: false
        }
    }

    private static func isText(_ value: JSON) -> Bool {
        if case .string(let text) = value { !text.isEmpty } else { false }
    }
}
