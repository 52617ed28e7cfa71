import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// What a tenant may have and do.
struct LimitTests {
    private static func with(
        _ limits: TenantLimits, _ body: (TestDatabase, Probe, Tenants) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            let tenants = Tenants(database: database.configuration, logger: .silent)
            try await tenants.create("shop", limits: limits)
            var configuration = database.configuration
            configuration.settings["nightjar.tenant"] = "shop"
            let mine = database.reached(by: configuration)
            try await Probe.registerPost(in: mine)
            try await body(mine, try await Probe(mine), tenants)
            await tenants.close()
        }
    }

    private static func refusal(_ body: () async throws -> Void) async -> (SQLState?, String) {
        do { try await body() } catch let error as PostgresError { return (error.sqlState, error.message) } catch {
            return (nil, "\(error)")
        }
        return (nil, "")
    }

    @Test("Events are refused from the first byte too many on, all of their statement")
    func eventSize() async throws {
        try await Self.with(TenantLimits(eventBytes: 20)) { database, probe, tenants in
            try await probe.send("test/post", data: #"{"key": "12345678"}"#)
            let (state, message) = await Self.refusal {
                try await probe.send("test/post", data: #"{"key": "1234567890"}"#)
            }
            #expect(state == .tenantSize)
            #expect(
                message.contains("\"test/post\" has 21 bytes") && message.contains("\"shop\" may send 20"), "\(message)"
            )
            let user = await Self.refusal {
                try await probe.script(
                    #"INSERT INTO nightjar.events (name, data, "user") VALUES ('a/b', '{"a": 1}', '{"name": "someone"}'), ('a/c', '{}', NULL)"#
                )
            }
            #expect(user.0 == .tenantSize)
            #expect(try await probe.count("events") == 1)
            let client = Client(database: database.configuration, logger: .silent)
            await #expect { try await client.send(TestJob(key: "1234567890")) } throws: {
                ($0 as? NightjarError)?.code == .tooLarge
            }
            // Another tenant may.
            let other = try await Probe(database)
            try await other.script("SET nightjar.tenant = '1'")
            try await other.send("test/post", key: "1234567890")
            try await tenants.change("shop") { $0.eventBytes = nil }
            try await client.send(TestJob(key: "1234567890"))
            await client.close()
        }
    }

    @Test("Who has used up his rate is refused and told for how long; what is rolled back counts; others go on")
    func rate() async throws {
        try await Self.with(TenantLimits(eventsPerSecond: 1)) { database, probe, tenants in
            try await probe.script(
                "BEGIN; INSERT INTO nightjar.events (name) SELECT 'a/b' FROM generate_series(1, 1000); ROLLBACK")
            let (state, message) = await Self.refusal { try await probe.send("a/b", key: "x") }
            #expect(state == .tenantLimit && message.contains("more than 1 events a second"), "\(message)")
            #expect(try await probe.count("events") == 0)
            let client = Client(database: database.configuration, logger: .silent)
            await #expect { try await client.send(TestJob(key: "x")) } throws: {
                let error = $0 as? NightjarError
                return error?.code == .limitReached && error?.message.contains("Send them again in 9") == true
            }
            // A statement with events of several tenants: refused as a whole, and charged to nobody.
            let other = try await Probe(database)
            try await tenants.create("cafe", limits: TenantLimits(eventsPerSecond: 1))
            let both = await Self.refusal {
                try await other.script(
                    "INSERT INTO nightjar.events (tenant_id, name) SELECT t, 'a/b' FROM generate_series(1, 500) CROSS JOIN (VALUES (2), (3)) t (t)"
                )
            }
            #expect(both.0 == .tenantLimit)
            try await other.script(
                "SET nightjar.tenant = 'cafe'; SELECT nightjar.send('a/b'); SET nightjar.tenant = '1'; SELECT nightjar.send('a/b')"
            )
            try await tenants.change("shop") { $0.eventsPerSecond = nil }
            try await client.send(TestJob(key: "x"))
            await client.close()
        }
    }

    @Test(
        "As many unfinished runs as it may, as of the last count; whoever counts in an open transaction keeps nobody waiting"
    )
    func liveRuns() async throws {
        try await Self.with(TenantLimits(liveRuns: 3)) { database, probe, tenants in
            let count = { try await probe.script("DELETE FROM nightjar.tenant_usage") }
            for key in 0..<2 { try await probe.send("test/post", key: "\(key)") }
            let held = try await probe.claim(limit: 1).runs
            #expect(try await probe.park(held[0].lease, until: Date(timeIntervalSinceNow: 3_600)))
            _ = try await probe.claim(limit: 1)
            try await count()
            let open = try await Probe(database)
            // At a stricter isolation, what others have counted since is no error.
            try await open.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM nightjar.tenant_usage")
            try await probe.send("a/b", key: "unheard")
            try await open.script("INSERT INTO nightjar.events (name) VALUES ('a/b'); ROLLBACK")
            try await count()
            try await open.script("BEGIN")
            try await open.send("test/post", key: "2")
            try await probe.send("test/post", key: "3")
            try await open.script("ROLLBACK")
            try await count()
            let (state, message) = await Self.refusal { try await probe.send("test/post", key: "4") }
            #expect(state == .tenantLimit && message.contains("3 unfinished runs"), "\(message)")
            let other = try await Probe(database)
            try await other.script("SET nightjar.tenant = '1'")
            try await other.send("test/post", key: "other")
            try await probe.script("SELECT nightjar.cancel(run_id) FROM nightjar.live WHERE state = 0")
            try await count()
            try await probe.send("test/post", key: "5")
            try await tenants.change("shop") { $0.liveRuns = 0 }
            try await count()
            #expect(await Self.refusal { try await probe.send("a/b", key: "6") }.0 == .tenantLimit)
        }
    }

    @Test("A run whose output is larger than it may be fails, and no other; what its steps send is not held against it")
    func outputs() async throws {
        try await Self.with(TenantLimits(outputBytes: 100)) { database, probe, tenants in
            let write = Function("write", on: PostScheduled.self).run { event, step in
                try await step.sendEvent("send", PostCancelled(postID: "inner"))
                return try await step.run("write") { String(repeating: "x", count: Int(event.data.postID) ?? 0) }
            }
            try await RunningWorker.with([write], in: database) { client in
                var runs: [String: UUID] = [:]
                for size in ["10", "98", "99", "100000", "20"] {
                    let event = try await client.send(PostScheduled(postID: size, scheduledAt: Date()))
                    runs[size] = try #require(try await client.runs(startedBy: event).first?.id)
                }
                // It is at its limits from here on; what its own runs do goes on.
                try await tenants.change("shop") {
                    $0.liveRuns = 0; $0.eventsPerSecond = 1
                }
                for (size, run) in runs {
                    switch try await client.outcome(of: run) {
                    case .failed(let error) where size == "99" || size == "100000":
                        #expect(error.message.contains("tenant \"shop\" may record 100"), "\(error.message)")
                    case .completed where Int(size)! < 99: break
                    case let outcome: Issue.record("\(size): \(outcome)")
                    }
                }
            }
            #expect(try await probe.count("events", where: "name = 'blog/post.cancelled'") == 5)
        }
    }

    @Test("An error larger than an output may be is shortened, of a step, an attempt and a run; the run fails with it")
    func errors() async throws {
        struct Large: Error, CustomStringConvertible {
            var description: String { "it began so, " + String(repeating: "\u{1F980}\"", count: 5_000) }
        }
        try await Self.with(TenantLimits(outputBytes: 2_000)) { database, probe, tenants in
            let fails = Function("fail", on: PostScheduled.self).retries(0).run { event, step in
                if event.data.postID == "step" {
                    try await step.run(
                        "large", retries: RetryPolicy(maxRetries: 1, backoff: .constant(.milliseconds(1)))
                    ) { throw Large() }
                }
                if event.data.postID == "run" { throw Large() }
                throw RunError(name: "Small", message: "small", stack: "here")
            }
            try await RunningWorker.with([fails], in: database) { client in
                for key in ["step", "run", "small"] {
                    let event = try await client.send(PostScheduled(postID: key, scheduledAt: Date()))
                    let run = try #require(try await client.runs(startedBy: event).first?.id)
                    guard case .failed(let error) = try await client.outcome(of: run) else {
                        Issue.record("\(key) has not failed")
                        continue
                    }
                    if key == "small" {
                        #expect(error == RunError(name: "Small", message: "small", stack: "here"))
                    } else {
                        #expect(error.message.contains("it began so"), "\(error)")
                        #expect(error.message.contains("its tenant may record 2000"), "\(error)")
                    }
                }
            }
            for (table, count) in [("outcomes", 3), ("steps", 1), ("attempts", 1)] as [(String, Int64)] {
                let (found, largest) = try await probe.run { db in
                    let row = try db.query(
                        "SELECT count(error), max(octet_length(error::text)) FROM nightjar.\(table) WHERE error IS NOT NULL"
                    )[0]
                    return (try row.decode(0, as: Int64.self), try row.decode(1, as: Int32.self))
                }
                #expect(found == count, "\(table)")
                #expect((1_000...2_000).contains(largest), "\(table): \(largest)")
            }
            // However little a tenant may record: who failed, and how it began.
            let least = try await probe.value(
                """
                SELECT nightjar.shortened_error(jsonb_build_object('name', repeat('n', 5000), 'code', repeat('c', 5000),
                    'message', 'began so' || repeat('x', 5000), 'stack', 's'), 1024)::text
                """, as: String.self)
            #expect(least.utf8.count <= 1_024 && least.contains("began so") && !least.contains("stack"), "\(least)")
            try await tenants.change("shop") { $0.outputBytes = nil }
            let large = RunError(name: "Large", message: String(repeating: "x", count: 5_000))
            let kept = Function("keep", on: TestJob.self).retries(0).run { _, _ in throw large }
            try await RunningWorker.with([kept], in: database) { client in
                let event = try await client.send(TestJob(key: "unlimited"))
                let run = try #require(try await client.runs(startedBy: event).first?.id)
                #expect(try await client.outcome(of: run) == .failed(large))
            }
        }
    }

    @Test("What makes no sense is refused, and says what would")
    func nonsense() async throws {
        try await Self.with(TenantLimits()) { database, probe, tenants in
            for (change, hint) in [
                (#"{"max_runs": 1}"#, "max_live_runs"), (#"{"max_live_runs": -1}"#, "whole number"),
                (#"{"max_live_runs": 1.5}"#, "whole number"),
                (#"{"max_live_runs": "1"}"#, "whole number"), (#"{"max_events_per_second": 0}"#, "1 to 1000000"),
                (#"{"max_event_bytes": 99999999999999999999}"#, "whole number"), ("[]", "such as"), ("null", "such as"),
                (#"{"name": ""}"#, "1 to 255"),
                (#"{"name": "default"}"#, "another name"), (#"{"name": "7"}"#, "digits"),
                (#"{"name": null}"#, "max_live_runs"),
            ] {
                do {
                    try await probe.run { db in
                        _ = try db.query("SELECT nightjar.set_tenant('shop', $1)", [PostgresJSON(change)])
                    }
                    Issue.record("\(change) was accepted")
                } catch let error as PostgresError {
                    #expect(error.hint?.lowercased().contains(hint) == true, "\(change): \(error)")
                }
            }
            await #expect { try await tenants.create("shop") } throws: {
                ($0 as? NightjarError)?.code == .invalidTenant
            }
            await #expect { try await tenants.change("nobody") { $0.liveRuns = 1 } } throws: {
                ($0 as? NightjarError)?.code == .unknownTenant
            }
            await #expect { try await tenants.bind(role: "nobody", to: "shop") } throws: {
                ($0 as? NightjarError)?.code == .unknownTenant
            }
            await #expect { try await tenants.bind(role: "postgres", to: "shop") } throws: {
                ($0 as? NightjarError)?.code == .invalidTenant
            }
        }
    }
}
