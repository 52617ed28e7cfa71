import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// What functions register as policies, and how long each counts.
struct CancelPolicyTests {
    private static func base() -> Function<JSON> { Function("work", on: .name("policy/work")) }

    /// Sleeps long enough for whatever is to happen.
    private static func asleep(_ function: Function<JSON>) -> FunctionDefinition {
        function.run { _, step in try await step.sleep("nap", for: .seconds(3_600)) }
    }

    @Test("A condition that cannot be compiled keeps the worker from starting, and says where and why")
    func refused() async throws {
        let function = Self.asleep(
            Self.base()
                .cancelOn("policy/a", match: "data.key")
                .cancelOn("policy/b", if: "async.data.key == event.data.key && async.data.at > now()")
                .cancelOn("policy/c", if: "event.data.key =="))
        try await TestDatabase.with { database in
            let worker = Worker(
                app: "test", functions: [function], database: database.configuration, logger: .silent)
            // It never begins.
            let error = try #require(await #expect(throws: NightjarError.self) { try await worker.run() })
            #expect(error.code == .invalidFunction)
            let text = "\(error)"
            #expect(text.contains("function \"work\""))
            #expect(text.contains("cancelOn \"policy/b\": character 53 of \"…"))
            #expect(text.contains("now()"))
            #expect(text.contains("cancelOn \"policy/c\": character 18 "))
            #expect(!text.contains("policy/a"))
            let probe = try await Probe(database)
            let known = try await probe.value("SELECT count(*) FROM nightjar.functions", as: Int64.self)
            #expect(known == 0)
        }
    }

    @Test("A condition that is slow or wide is logged when the worker starts, and stored with its policy")
    func warned() async throws {
        let log = LoggedLines()
        let function = Self.asleep(
            Self.base()
                .cancelOn("policy/keyed", match: "data.key")
                .cancelOn("policy/slow", if: "async.data.level > event.data.level")
                .cancelOn("policy/wide", if: "async.data.stop == true"))
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([function], in: database, logger: log.logger) { _ in }
            let warnings = try await probe.run { db in
                try db.query("SELECT event, coalesce(warning, '') FROM nightjar.cancel_policies ORDER BY event").map {
                    (event: try $0.decode(0, as: String.self), text: try $0.decode(1, as: String.self))
                }
            }
            try #require(warnings.map(\.event) == ["policy/keyed", "policy/slow", "policy/wide"])
            #expect(warnings[0].text == "")
            #expect(warnings[1].text.contains("looked at for each such event"))
            #expect(warnings[2].text.contains("cancels every run of the function"))
            let lines = log.lines.filter { $0.contains("policy/") }
            #expect(lines.count == 2)
            for (line, warning) in zip(lines, warnings.dropFirst()) {
                #expect(line.contains("function=work"))
                #expect(line.contains(warning.event))
                #expect(line.contains(warning.text))
            }
        }
    }

    @Test("A policy whose time is over no longer listens; nobody's claim or commit minds it either")
    func timeouts() async throws {
        let function = Self.base()
            .cancelOn("policy/after-over", match: "data.key", timeout: .after(.milliseconds(1)))
            .cancelOn("policy/at-over", match: "data.key", timeout: .at(Date(timeIntervalSinceNow: -60)))
            .cancelOn("policy/after", match: "data.key", timeout: .after(.seconds(3_600)))
            .cancelOn("policy/at", match: "data.key", timeout: .at(Date(timeIntervalSinceNow: 3_600)))
            .run { _, step in
                try await step.sleep("short", for: .milliseconds(20))
                _ = try await step.waitForEvent("go", "policy/go", match: "data.key", timeout: .seconds(3_600))
                try await step.run("body") {}
            }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with(
                [function], in: database, configure: { $0.pollInterval = .milliseconds(50) }
            ) { client in
                func send(_ name: String, _ key: String) async throws {
                    try await client.send([NewEvent(name: name, data: ["key": .string(key)])])
                }
                for key in ["after", "at", "over"] { try await send("policy/work", key) }
                var runs: [String: UUID] = [:]
                for key in ["after", "at", "over"] {
                    let run = try #require(try await probe.run(of: "work", key: key))
                    _ = try await probe.facts(of: run, when: "it waits") { $0.status == "waiting" }
                    runs[key] = run
                }
                let over = try #require(runs["over"])
                try await send("policy/after-over", "over")
                try await send("policy/at-over", "over")
                // In the same statement, so that the run goes on while the keys of what does not count are pending.
                try await client.send(
                    try ["policy/after-over", "policy/at-over", "policy/go"].map {
                        try NewEvent(name: $0, data: ["key": "over"])
                    })
                let outcome = try await client.outcome(of: over)
                #expect(outcome == .completed(output: "null"))
                for key in ["after", "at"] {
                    try await send("policy/\(key)", key)
                    let facts = try await probe.facts(of: try #require(runs[key]), when: "it is cancelled") {
                        $0.status == "cancelled"
                    }
                    #expect(facts.cancellation?["event_name"] == .string("policy/\(key)"))
                }
            }
            #expect(try await probe.violations() == [])
        }
    }

    @Test("Of several policies each cancels by its own, and is named as its author wrote it")
    func several() async throws {
        let function = Self.asleep(
            Self.base()
                .cancelOn("policy/a", match: "data.key")
                .cancelOn("policy/a", match: "data.other", with: "data.key")
                .cancelOn("policy/a", if: "async.data.sum == event.data.sum || async.data.key in event.data.keys")
                .cancelOn("policy/*", match: "data.key", with: "data.any"))
        let data: [String: JSON] = ["key": "k", "other": "o", "sum": 7, "keys": ["x", "y"]]
        let cases: [(data: JSON, policy: String?)] = [
            (["key": "k"], "match data.key"), (["key": "o"], "match data.other with data.key"),
            (["sum": 7.0], "if async.data.sum == event.data.sum || async.data.key in event.data.keys"),
            (["key": "y"], "if async.data.sum == event.data.sum || async.data.key in event.data.keys"),
            (["any": "k"], "match data.key with data.any"), (["key": "z"], nil), (["sum": "7"], nil), ([:], nil),
        ]
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([function], in: database) { client in
                for (cancel, policy) in cases {
                    let event = try await client.send([NewEvent(name: "policy/work", data: .object(data))])[0]
                    let run = try #require(try await client.runs(startedBy: event).first?.id)
                    _ = try await probe.facts(of: run, when: "it sleeps") { $0.status == "sleeping" }
                    try await client.send([NewEvent(name: "policy/a", data: cancel)])
                    try await eventually("the event has been looked at") {
                        try await probe.value("SELECT count(*) FROM nightjar.pending", as: Int64.self) == 0
                    }
                    let facts = try await probe.facts(of: run)
                    #expect(facts.status == (policy == nil ? "sleeping" : "cancelled"), "\(cancel)")
                    #expect(facts.cancellation?["policy"]?.string == policy, "\(cancel)")
                }
            }
            #expect(try await probe.violations() == [])
        }
    }

    @Test("What is registered again unchanged is not written, in whatever time zone")
    func unchanged() async throws {
        let at = Date(timeIntervalSince1970: 4_000_000_000)
        let function = Self.asleep(
            Self.base()
                .cancelOn("policy/a", match: "data.key", timeout: .at(at))
                .cancelOn(
                    "policy/b", if: "async.data.a == event.data.a && async.data.n > 2", timeout: .after(.seconds(1.5))
                )
                .timeouts(start: .seconds(60), finish: .milliseconds(1.5))
                .onCancel { _, _ in }.onFailure { _, _ in })
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            @Sendable func versions() async throws -> [String] {
                try await probe.run { db in
                    try ["apps", "functions", "function_triggers", "cancel_policies", "match_paths"].map { table in
                        try db.query(
                            "SELECT '\(table) ' || coalesce(string_agg(xmin::text, ' ' ORDER BY ctid), '') FROM nightjar.\(table)"
                        )[0].decode(0)
                    }
                }
            }
            try await RunningWorker.with([function], in: database) { _ in }
            let first = try await versions()
            try await probe.script("SET TimeZone = 'Asia/Kolkata'")
            _ = try await probe.run { db in
                try Registration.make(db, app: "test", functions: try Registration.check([function]))
            }
            let second = try await versions()
            #expect(first == second)
            #expect(first.contains { $0.hasPrefix("cancel_policies ") && $0.count > 20 })
        }
    }

    @Test("A policy belongs to the runs that were started under it: another registration changes later ones")
    func changed() async throws {
        let old = Self.asleep(
            Self.base().cancelOn("policy/a", match: "data.key").cancelOn("policy/b", match: "data.key"))
        let new = Self.asleep(
            Self.base().cancelOn("policy/b", match: "data.key")
                .cancelOn("policy/a", if: "async.data.key == event.data.key && async.data.force == true"))
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            @Sendable func start(_ keys: [String], _ client: Client) async throws -> [UUID] {
                try await client.send(try keys.map { try NewEvent(name: "policy/work", data: ["key": .string($0)]) })
                var runs: [UUID] = []
                for key in keys {
                    let run = try #require(try await probe.run(of: "work", key: key))
                    _ = try await probe.facts(of: run, when: "it sleeps") { $0.status == "sleeping" }
                    runs.append(run)
                }
                return runs
            }
            let before = try await RunningWorker.with([old], in: database) { try await start(["a", "b"], $0) }
            try await RunningWorker.with([new], in: database) { client in
                try await eventually("the new policies are registered") {
                    try await probe.value(
                        "SELECT count(*) FROM nightjar.cancel_policies WHERE active AND text LIKE 'if %'",
                        as: Int64.self)
                        == 1
                }
                let after = try await start(["c", "d", "e"], client)
                for (event, key, force) in [
                    ("a", "a", false), ("b", "b", false), ("a", "c", false), ("a", "d", true), ("b", "e", false),
                ] {
                    try await client.send([
                        NewEvent(name: "policy/\(event)", data: ["key": .string(key), "force": .bool(force)])
                    ])
                }
                try await eventually("all have been looked at") {
                    try await probe.value("SELECT count(*) FROM nightjar.pending", as: Int64.self) == 0
                }
                var policies: [String?] = []
                for run in before + after {
                    policies.append(try await probe.facts(of: run).cancellation?["policy"]?.string)
                }
                let force = "if async.data.key == event.data.key && async.data.force == true"
                #expect(policies == ["match data.key", "match data.key", nil, force, "match data.key"])
            }
            // Withdrawn, and still there to be named.
            let inactive = try await probe.value(
                "SELECT count(*) FROM nightjar.cancel_policies WHERE NOT active", as: Int64.self)
            #expect(inactive == 1)
            #expect(try await probe.violations() == [])
        }
    }
}
