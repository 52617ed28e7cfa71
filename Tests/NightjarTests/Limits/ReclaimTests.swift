import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// Slots that nobody uses, limits that change, and what a grant must not cost.
struct ReclaimTests {
    private static func with(
        _ limits: [String: [ConcurrencyLimit]], _ body: (Probe) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            let setup = try await Probe(database)
            try await setup.registerLimited(limits)
            let probe = try await Probe(database)
            try await body(probe)
            #expect(try await probe.violations() == [])
        }
    }

    private static let aged = "UPDATE nightjar.held_slots SET granted_at = clock_timestamp() - interval '1 minute'"

    @Test("A run that an older build parks with its slot gives that up some seconds after somebody else wants it")
    func parkedWithSlot() async throws {
        try await Self.with(["post": [.byKey(1)]]) { probe in
            try await probe.send("test/post", key: "a")
            #expect(try await probe.grant().granted == 1)
            let first = try #require(try await probe.claimAdmitted().first)
            try await probe.script(
                """
                UPDATE nightjar.live SET state = 2, session_id = NULL, due_at = now() + interval '1 year'
                WHERE run_id = '\(first.run)'; \(Self.aged)
                """)
            // Nobody wants it.
            #expect(try await probe.grant(sweep: true).granted == 0)
            #expect(try await probe.count(live: Probe.admitted) == 1)
            try await probe.send("test/post", key: "a")
            #expect(try await probe.grant().granted == 0)
            #expect(try await probe.grant(sweep: true).granted == 1)
            #expect(try await probe.claimAdmitted().map(\.run) != [first.run])
            #expect(try await probe.count(live: "\(Probe.waiting) AND state = 2") == 1)
        }
    }

    @Test("What was admitted a moment ago, or executes, keeps its slot")
    func kept() async throws {
        try await Self.with(["post": [.byKey(1)]]) { probe in
            try await probe.send("test/post", key: "a")
            #expect(try await probe.grant().granted == 1)
            try await probe.send("test/post", key: "a")
            #expect(try await probe.grant(sweep: true).granted == 0)
            let first = try #require(try await probe.claimAdmitted().first)
            try await probe.script(Self.aged)
            #expect(try await probe.grant(sweep: true).granted == 0)
            #expect(try await probe.complete(first))
        }
    }

    @Test("A slot that a function has which nobody executes any more goes to the other app that shares the key")
    func retired() async throws {
        try await Self.with(["post": [.byKey(1, scope: .account)]]) { probe in
            try await probe.registerLimited(["old": [.byKey(1, scope: .account)]], app: "other")
            try await probe.send("test/old", key: "a")
            #expect(try await probe.grant(app: "other").granted == 1)
            try await probe.send("test/post", key: "a")
            #expect(try await probe.grant(sweep: true).granted == 0)
            try await probe.script(Self.aged)
            #expect(try await probe.grant(sweep: true).granted == 1)
            #expect(try await probe.claimAdmitted().count == 1)
        }
    }

    @Test("An app that does not ask for the slots that it is offered keeps nobody from them")
    func silent() async throws {
        try await Self.with(["post": [.byKey(1, scope: .account)]]) { probe in
            try await probe.registerLimited(["mail": [.byKey(1, scope: .account)]], app: "other")
            try await probe.script(
                """
                INSERT INTO nightjar.sessions (session_id, name, queue, ttl)
                SELECT nightjar.uuid7(), 'silent', app_id, '1 h' FROM nightjar.apps WHERE name = 'other'
                """)
            try await probe.send("test/post", key: "a")
            #expect(try await probe.grant().granted == 1)
            let first = try #require(try await probe.claimAdmitted().first)
            try await probe.send("test/mail", key: "a")
            try await probe.send("test/mail", key: "a")
            #expect(try await probe.grant(app: "other").granted == 0)
            try await probe.send("test/post", key: "a")
            #expect(try await probe.grant().granted == 0)
            #expect(try await probe.complete(first))
            let offer = try await probe.grant(released: [first.run])
            #expect(offer.granted == 0 && offer.elsewhere == 1)
            #expect(try await probe.grant().granted == 0)
            let sweep = try await probe.grant(sweep: true)
            #expect(sweep.granted == 1 && sweep.elsewhere == 0)
        }
    }

    @Test("When a limit's level or key changes, the backlog is bound by the new one")
    func changed() async throws {
        try await Self.with(["post": [.byKey(1)]]) { probe in
            for _ in 0..<20 { try await probe.send("test/post", key: "a") }
            #expect(try await probe.grant().granted == 1)
            try await probe.registerLimited(["post": [.byKey(2, level: .run)]])
            var granted = 0
            for _ in 0..<5 { granted += try await probe.grant(sweep: true).granted }
            #expect(granted == 2)
            #expect(try await probe.count(live: Probe.blocked) == 17)
        }
    }

    @Test("Admitted runs are claimed in the order of all new ones, not before them")
    func order() async throws {
        try await Self.with(["post": [.byKey(1)], "free": []]) { probe in
            try await probe.send("test/free", key: "a")
            try await probe.send("test/post", key: "a")
            try await probe.send("test/free", key: "a")
            #expect(try await probe.grant().granted == 1)
            var passes: [Int64] = []
            for _ in 0..<3 {
                let claim = try await probe.claim(limit: 1)
                #expect(claim.due == 0)
                passes += claim.runs.map(\.pass)
            }
            #expect(passes.count == 3 && passes == passes.sorted())
        }
    }

    @Test("A grant reads neither what sleeps nor, planned while nothing was held, all that is held")
    func pages() async throws {
        try await Self.with(["post": [.byKey(1)]]) { probe in
            try await probe.script("ANALYZE nightjar.live; ANALYZE nightjar.held_slots; ANALYZE nightjar.interruptions")
            _ = try await probe.grant(sweep: true)
            try await probe.script(
                """
                INSERT INTO nightjar.events (name, data)
                SELECT 'test/post', jsonb_build_object('key', 's' || i) FROM generate_series(1, 10000) i;
                UPDATE nightjar.live SET state = 2, epoch = 1, due_at = now() + interval '1 day';
                INSERT INTO nightjar.events (name, data)
                SELECT 'test/post', jsonb_build_object('key', i) FROM generate_series(1, 2000) i
                """)
            while try await probe.grant(250).hasMore {}
            for table in ["live", "held_slots"] { try await probe.script("VACUUM nightjar.\(table)") }
            let runs = try await probe.run { db in
                try db.query("SELECT run_id FROM nightjar.live WHERE \(Probe.admitted) LIMIT 20").map {
                    try $0.decode(0, as: UUID.self)
                }
            }
            for run in runs { try await probe.script("SELECT nightjar.cancel('\(run)')") }
            let pages = try await probe.run { db in
                let lines = try db.query(
                    """
                    EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM nightjar.grant_slots(
                        (SELECT app_id FROM nightjar.functions), (SELECT array_agg(function_id) FROM nightjar.functions), 20, $1)
                    """, [runs])
                let plan = try JSONCoding.value(JSON.self, from: lines[0].decode(0, as: PostgresJSON.self).text)
                return plan[0]?["Plan"]?["Shared Hit Blocks"]?.integer ?? .max
            }
            #expect(pages < 1_000, "\(pages)")
            let held = try await probe.value("SELECT count(*) FROM nightjar.held_slots", as: Int64.self)
            #expect(held == 1_980)
        }
    }

    @Test(
        "What cannot be a limit is refused with the reason; of two for the same key the lower counts",
        arguments: [
            (#"{"limits": [{"limit": "x"}]}"#, "whole"), (#"{"limits": {"limit": 1}}"#, "a list"),
            (#"{"limits": [{"limit": 1, "key": ["nonsense", ["event"]]}]}"#, "compute"),
            (#"{"limits": [{"limit": 1, "key": ["!", ["nonsense"]]}]}"#, "compute"),
        ])
    func refused(options: String, reason: String) async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            func register(_ options: String, priority: String = "null") async throws {
                try await probe.script(
                    """
                    SELECT nightjar.register('probe', '[{"name": "post", "options": \(options), "priority": \(priority),
                        "triggers": [{"event": "test/post"}], "cancel": []}]')
                    """)
            }
            await #expect { try await register(options) } throws: { "\($0)".contains(reason) }
            await #expect { try await register("{}", priority: #"["nonsense", 1]"#) } throws: {
                "\($0)".contains("compute")
            }
            try await register(
                "{}", priority: #"["?", ["==", ["event", "data", "a"], ["lit", 1]], ["lit", 1], ["lit", 0]]"#)
            let key = #""key": ["event", "data", "key"]"#
            try await register(#"{"limits": [{"limit": 5, \#(key)}, {"limit": 2, \#(key)}, {"limit": 3}]}"#)
            for _ in 0..<4 { try await probe.send("test/post", key: "a") }
            #expect(try await probe.grant().granted == 2)
        }
    }
}
