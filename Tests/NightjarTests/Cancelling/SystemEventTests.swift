import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// The events that tell of ends: to all who listen, once, and never about those that listen.
struct SystemEventTests {
    /// What was heard, as "listener: event function".
    private let log = Log()

    private func listener(
        _ name: String, to event: String,
        then body: @escaping @Sendable (Step) async throws -> Void = { _ in }
    ) -> FunctionDefinition {
        Function(name, on: .name(event)).retries(0).run { [log] event, step in
            try await step.run("note") {
                let end = event.name.split(separator: ".").last ?? ""
                log.add("\(name): \(end) \(event.data["function_id"]?.string ?? "")")
            }
            try await body(step)
        }
    }

    private var functions: [FunctionDefinition] {
        let log = log
        func handled(_ name: String) -> Function<JSON> {
            Function(name, on: .name("ends/\(name)")).retries(0)
                .onFailure { _, step in try await step.run("note") { log.add("\(name)-failure") } }
                .onCancel { _, step in try await step.run("note") { log.add("\(name)-cancel") } }
        }
        return [
            handled("good").run { _, _ in 1 },
            handled("bad").run { _, _ in throw NonRetryableError("bad") },
            handled("slow").run { _, step in try await step.sleep("nap", for: .seconds(3_600)) },
            Function("caller", on: .name("ends/caller")).run { _, step in
                try await step.invoke("call", "helper", with: ["n": 1], as: Int.self)
            },
            handled("helper").run { event, _ in event.data["n"]?.integer ?? 0 },
            // Its runs fail, after they have invoked another function; the helper fails for it, too.
            listener("hears-finished", to: "inngest/function.finished") { step in
                let answer = try await step.invoke("call", "helper", with: ["n": 2], as: Int.self)
                guard answer == 2 else { return }
                _ = try await step.invoke("fail", "bad", with: ["n": 3], as: Int.self)
            },
            // Its runs are cancelled.
            listener("hears-cancelled", to: "inngest/function.cancelled") { step in
                try await step.sleep("nap", for: .seconds(3_600))
            },
            listener("hears-failed", to: "inngest/function.failed"),
            listener("hears-all", to: "inngest/*"),
        ]
    }

    @Test("Each end is heard once by all who listen; the ends of those who listen, and of whom they invoke, by nobody")
    func ends() async throws {
        let functions = functions
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with(
                functions, in: database, configure: { $0.pollInterval = .milliseconds(50) }
            ) { client in
                try await client.send(
                    try ["good", "bad", "slow", "caller"].map { try NewEvent(name: "ends/\($0)", data: ["key": "k"]) })
                let slow = try #require(try await probe.run(of: "slow", key: "k"))
                _ = try await probe.facts(of: slow, when: "it sleeps") { $0.status == "sleeping" }
                _ = try await client.cancel(slow, actor: "ada")
                try await eventually("only who heard of the cancel is left") {
                    try await probe.value(
                        "SELECT count(*) = 1 AND bool_and(state = 2) FROM nightjar.live", as: Bool.self)
                }
                let listening = try await probe.value(
                    "SELECT run_id FROM nightjar.run_status WHERE function = 'hears-cancelled'", as: UUID.self)
                let answer = try await client.cancel(listening, actor: "ada")
                #expect(answer == .cancelled)
                // Whatever an end leads to is there with it.
                try await eventually("all has ended") {
                    try await probe.value(
                        "SELECT (SELECT count(*) FROM nightjar.live) + (SELECT count(*) FROM nightjar.pending)",
                        as: Int64.self) == 0
                }

                var expected = ["bad", "caller", "good", "helper", "slow"].flatMap {
                    ["hears-finished: finished test-\($0)", "hears-all: finished test-\($0)"]
                }
                expected += ["hears-failed: failed test-bad", "hears-all: failed test-bad"]
                expected += ["hears-cancelled: cancelled test-slow", "hears-all: cancelled test-slow"]
                // Handlers hear of their own function's runs, whoever started those.
                expected += ["slow-cancel"] + Array(repeating: "bad-failure", count: 6)
                #expect(log.lines.sorted() == expected.sorted())

                let counts = try await probe.run { db in
                    try db.query(
                        """
                        SELECT f.name || ' ' || o.status || ' ' || count(*) FROM nightjar.outcomes o
                        JOIN nightjar.functions f USING (function_id) GROUP BY f.name, o.status ORDER BY 1
                        """
                    ).map { try $0.decode(0, as: String.self) }
                }
                #expect(
                    counts == [
                        "bad 2 6", "bad-failure 1 6", "caller 1 1", "good 1 1", "hears-all 1 7", "hears-cancelled 3 1",
                        "hears-failed 1 1", "hears-finished 2 5", "helper 1 6", "slow 3 1", "slow-cancel 1 1",
                    ])
                let facts = try await probe.facts(of: listening)
                #expect(facts["events"] == .null)
            }
            #expect(try await probe.violations() == [])
        }
    }

    @Test("Where nobody listens, ends make no events")
    func silence() async throws {
        let quiet = Function("quiet", on: TestJob.self).run { _, _ in 1 }
        let other = Function("other", on: TestJob.self).onCancel { _, _ in }.run { _, step in
            try await step.sleep("nap", for: .seconds(3_600))
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([quiet, other], in: database) { client in
                try await client.send(TestJob(key: "p"))
                let run = try #require(try await probe.run(of: "other", key: "p"))
                _ = try await probe.facts(of: run, when: "it sleeps") { $0.status == "sleeping" }
                _ = try await client.cancel(run, actor: "ada")
                try await eventually("all has ended") {
                    try await probe.value("SELECT count(*) FROM nightjar.live", as: Int64.self) == 0
                }
                let events = try await probe.run { db in
                    try db.query("SELECT name FROM nightjar.events ORDER BY seq").map {
                        try $0.decode(0, as: String.self)
                    }
                }
                // Only what its handler is started by, which nobody else hears.
                #expect(events == ["test/post", "inngest/function.cancelled"])
            }
        }
    }
}
