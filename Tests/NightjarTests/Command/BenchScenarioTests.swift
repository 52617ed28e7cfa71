import Foundation
import NightjarCore
import NightjarTesting
import TestSupport
import Testing

/// The scenarios in small: that they come to their end, and that what they tell is possible. Not how quick anything is.
struct BenchScenarioTests {
    @Test("bench latency tells the latencies and what they are to be compared with")
    func latency() async throws {
        let figures = try await Figures.of("latency", "--runs", "10", "--sleeps", "20", "--spread", "0.5")
        for name in [
            "send_to_step", "step_to_step", "due_to_step", "cancel_to_ended", "cancel_to_task_cancelled", "fsync",
            "insert_and_commit", "notify_to_received",
        ] {
            let (median, tail) = (try figures["\(name)_ms_p50"], try figures["\(name)_ms_p99"])
            #expect(median >= 0 && tail >= median, "\(name)")
            #expect(try figures["\(name)_ms_max"] >= tail, "\(name)")
        }
        #expect(try figures["send_to_step_ms_p50"] > 0)
    }

    @Test("bench latency does without commit timestamps on a server that keeps none")
    func latencyElsewhere() async throws {
        try await TestDatabase.with { database in
            let figures = try await Figures.of(
                "latency", "--runs", "3", "--sleeps", "0", "--database", database.url)
            #expect(try figures["cancel_to_task_cancelled_ms_p50"] >= 0)
            #expect(figures.isNull("cancel_to_ended_ms_p50"))
            #expect(figures.isNull("due_to_step_ms_p50"))
        }
    }

    @Test("bench idle watches one worker and several, each a process of its own")
    func idle() async throws {
        try await TestDatabase.with { database in
            let figures = try await Figures.of(
                "idle", "--seconds", "1", "--sleeping", "50", "--workers", "2", "--database", database.url)
            #expect(try figures["sleeping_runs"] == 50)
            #expect(try figures["workers"] == 2)
            for prefix in ["", "workers_"] {
                #expect(try figures["\(prefix)queries_per_second"] >= 0)
                #expect(try figures["\(prefix)processor_percent"] >= 0)
                #expect(try figures["\(prefix)server_processor_percent"] >= 0)
                #if os(Linux)
                    #expect(try figures["\(prefix)resident_megabytes"] > 1)
                    #expect(try figures["\(prefix)peak_megabytes"] >= figures["\(prefix)resident_megabytes"])
                #endif
            }
        }
    }

    @Test("bench sustained tells of each window, and the last in proportion to the first")
    func sustained() async throws {
        try await TestDatabase.with { database in
            let figures = try await Figures.of(
                "sustained", "--seconds", "4", "--window", "2", "--rate", "100", "--database", database.url)
            for window in 1...2 {
                #expect(try figures["window_\(window)_runs"] > 0)
                #expect(try figures["window_\(window)_send_to_end_ms_p50"] > 0)
                #expect(try figures["window_\(window)_full_claim_pages"] > 0)
                #expect(try figures["window_\(window)_dead_live_rows"] >= 0)
            }
            #expect(try figures["last_to_first_runs_per_second"] > 0)
        }
    }

    @Test("bench throughput tells what is lost beside reports")
    func reports() async throws {
        try await TestDatabase.with { database in
            let figures = try await Figures.of(
                "throughput", "--runs", "200", "--finished", "500", "--reports", "10", "--repeat", "1", "--database",
                database.url)
            #expect(try figures["beside_reports_to_none"] > 0)
            #expect(try figures["reports"] > 0)
            #expect(try figures["report_ms_p50"] > 0)
        }
    }

    @Test("bench reports asks every report, questions of every view, and those of a document")
    func reporting() async throws {
        let cookbook = Repository.root.appending(path: "docs/reports.md").path
        try await TestDatabase.with { database in
            let figures = try await Figures.of(
                "reports", "--finished", "1000", "--unfinished", "100", "--repeat", "2", "--cookbook", cookbook,
                "--database", database.url)
            #expect(try figures["questions"] > 100)
            #expect(try figures["report_slow_runs_ms_p50"] > 0)
            #expect(try figures["runs_by_id_ms_max"] >= figures["runs_by_id_ms_p50"])
            #expect(try figures["cookbook_cost_by_tenant_ms_p50"] > 0)
        }
    }

    @Test("bench fair tells how many claims quiet tenants wait for")
    func fair() async throws {
        try await TestDatabase.with { database in
            let figures = try await Figures.of(
                "fair", "--deep", "500", "--quiet", "5", "--limit", "50", "--database", database.url)
            #expect(try (1...11).contains(figures["claims_until_quiet_max"]))
            #expect(try figures["claims_if_first_come"] == 11)
            #expect(try figures["quiet_ms_max"] >= figures["quiet_ms_p50"])
        }
    }

    @Test("bench fair --due does so where the deep tenant's runs are due")
    func fairDue() async throws {
        try await TestDatabase.with { database in
            let arguments = ["--due", "--deep", "1000", "--quiet", "6", "--limit", "50", "--database", database.url]
            let dealt = try await Figures.of(["fair"] + arguments)
            #expect(try (2...4).contains(dealt["claims_until_quiet_max"]))
            let plain = try await Figures.of(["fair", "--unfair"] + arguments)
            #expect(try plain["claims_until_quiet_max"] == 21)
        }
    }

    @Test("bench memory tells what a worker takes before, while and after many runs execute")
    func memory() async throws {
        try await TestDatabase.with { database in
            let figures = try await Figures.of("memory", "--executing", "20", "--database", database.url)
            #expect(try figures["executing"] == 20)
            #if os(Linux)
                #expect(try figures["resident_megabytes"] > 1)
                #expect(try figures["peak_megabytes"] >= figures["resident_megabytes"])
            #endif
        }
    }
}

/// What a scenario has printed with `--json`.
private struct Figures {
    private var values: [String: JSON] = [:]

    static func of(_ arguments: String...) async throws -> Figures { try await of(arguments) }

    static func of(_ arguments: [String]) async throws -> Figures {
        let result = try await RunningProgram("nightjar", ["bench"] + arguments + ["--json"]).end(within: .seconds(120))
        try #require(result.status == 0, "\(result.error)")
        guard case .object(let document) = try result.json().first, case .object(let values) = document["figures"]
        else {
            throw Missing(name: "figures")
        }
        return Figures(values: values)
    }

    struct Missing: Error {
        var name: String
    }

    subscript(_ name: String) -> Double {
        get throws {
            switch values[name] {
            case .integer(let number): Double(number)
            case .number(let number): number
            case .null, .bool, .string, .array, .object, nil: throw Missing(name: name)
            }
        }
    }

    func isNull(_ name: String) -> Bool {
        if case .null = values[name] { true } else { false }
    }
}
