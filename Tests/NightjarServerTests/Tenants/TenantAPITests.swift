import Foundation
import Nightjar
import NightjarTesting
import Testing

@testable import NightjarServer

@Suite("The API of tenants", .timeLimit(.minutes(5)))
struct TenantAPITests {
    /// What `cafe` has beside the runs that its app and event make: a run that a worker holds, a step that waits for a signal, a
    /// request to cancel many.
    private struct Cafe: Sendable {
        var queued: UUID
        var held: UUID
        var event: String
        var lease: RunLease
        var bulk: String
        var functionUUID: String
        var appUUID: String

        /// What must not be in an answer to anybody else, each in all its forms.
        private var known: [[String]] {
            [queued, held].map { [$0.uuidString.lowercased(), ULID.text($0)] } + [[event], [bulk], ["of cafe"]]
        }

        /// What of that is in an answer, and was not in the question.
        func secrets(in answer: String, to question: String = "") -> [String] {
            known.filter { forms in !forms.contains { question.contains($0) } }.joined().filter { answer.contains($0) }
        }
    }

    private static func prepare(_ tenants: TwoTenants) async throws -> Cafe {
        var events: [String] = []
        for tenant in ["default", "shop", "cafe"] {
            try await tenants.register(tenant)
            events = [try await tenants.send(tenant), try await tenants.send(tenant, key: "held")]
        }
        var runs: [UUID] = []
        for event in events {
            let run = try await tenants.run("cafe", of: event)["run_id"]?.string
            runs.append(try #require(run.flatMap { ULID.id($0) }))
        }
        let bulk = try await tenants.ask(
            "cafe", "POST", "/v1/cancellations",
            ["app_id": "shop", "function_id": "f", "started_before": "2001-01-01T00:00:00Z", "reason": "of cafe"])
        let function = try await tenants.ask("cafe", "GET", "/v1/apps/shop/functions").body[0]
        let lease = RunLease(run: runs[1], session: UUID(), epoch: 1, tenant: 3)
        try await tenants.server.services.pool.transaction { db in
            try db.execute(
                "INSERT INTO nightjar.sessions (session_id, queue, name, ttl) SELECT $1, queue, 'w', '1 hour' FROM nightjar.live WHERE run_id = $2",
                [lease.session, lease.run])
            try db.execute(
                "UPDATE nightjar.live SET state = 1, session_id = $1, epoch = 1 WHERE run_id = $2",
                [lease.session, lease.run])
            try db.execute(
                """
                INSERT INTO nightjar.steps (run_id, step, name, tenant_id, kind, failed, attempt, output, started_at, ended_at)
                SELECT $1, key, name, 3, 1, false, 1, '"of cafe"', now(), now()
                FROM (VALUES ('secret', 'secret'), ('first', 'twice'), ('second', 'twice')) AS s (key, name)
                """, [lease.run])
            for tenant in [2, 3] {
                try db.execute(
                    """
                    INSERT INTO nightjar.open_steps (run_id, step, tenant_id, kind, started_at, due_at, spec, searched, looked)
                    SELECT run_id, 'wait', tenant_id, 6, now(), now() + interval '1 hour', '{}', true, true
                    FROM nightjar.live WHERE tenant_id = $1 ORDER BY run_id LIMIT 1
                    """, [tenant])
            }
            try db.execute(
                """
                INSERT INTO nightjar.signals (tenant_id, signal, run_id, step)
                SELECT tenant_id, 'of ' || tenant_id, run_id, 'wait' FROM nightjar.open_steps
                """)
        }
        return Cafe(
            queued: runs[0], held: runs[1], event: events[0], lease: lease,
            bulk: try #require(bulk.data["id"]?.string, "\(bulk.text)"),
            functionUUID: try #require(function?["id"]?.string), appUUID: try #require(function?["app_id"]?.string))
    }

    /// Every request of the API that names something, about what `cafe` has.
    private static func guesses(_ cafe: Cafe) -> [(method: String, path: String, body: JSON?)] {
        var guesses: [(String, String, JSON?)] = []
        for run in [ULID.text(cafe.queued), cafe.held.uuidString.lowercased()] {
            for path in ["", "/jobs", "/steps"] { guesses.append(("GET", "/v1/runs/\(run)\(path)", nil)) }
            guesses.append(("DELETE", "/v1/runs/\(run)?reason=x", nil))
            guesses.append(("POST", "/v1/runs/\(run)/rerun", [:]))
            for step in ["secret", "twice"] {
                guesses.append(("POST", "/v1/runs/\(run)/rerun", ["from_step": .string(step)]))
            }
            for path in ["actions", "batch"] { guesses.append(("GET", "/v0/runs/\(run)/\(path)", nil)) }
            guesses.append(("DELETE", "/v0/runs/\(run)", nil))
            for prefix in ["/v2", "/api/v2"] {
                guesses.append(("GET", "\(prefix)/runs/\(run)?includeOutput=true", nil))
                guesses.append(("POST", "\(prefix)/runs/\(run)/cancel", nil))
                guesses.append(("POST", "\(prefix)/runs/\(run)/rerun", ["fromStep": ["stepId": "secret"]]))
            }
            for tenant in [2, 3] as [Int32] {
                var lease = cafe.lease
                lease.tenant = tenant
                guesses.append(
                    (
                        "POST", "/v1/checkpoint/\(ULID.text(lease.run))/async",
                        [
                            "run_id": .string(ULID.text(lease.run)), "qi_id": .string(lease.token),
                            "steps": [["id": "forged", "op": "StepRun", "data": 1]],
                        ]
                    ))
            }
            for query in [
                "{ run(runID: \"\(run)\") { id output trace { outputID } } }",
                "{ functionRun(query: {functionRunId: \"\(run)\"}) { id } }",
                "{ runTrace(runID: \"\(run)\") { name } }", "{ runTrigger(runID: \"\(run)\") { IDs } }",
                "mutation { cancelRun(runID: \"\(run)\") { id } }", "mutation { rerun(runID: \"\(run)\") }",
                "{ event(query: {eventId: \"\(cafe.event)\"}) { name payload } }",
                "{ runTraceSpanOutputByID(outputID: \"\(TraceOutputID(run: cafe.held, step: "secret").text)\") { data } }",
            ] { guesses.append(("POST", "/v0/gql", ["query": .string(query)])) }
        }
        for path in ["/v1/events/\(cafe.event)", "/v1/events/\(cafe.event)/runs", "/v2/events/\(cafe.event)/runs"] {
            guesses.append(("GET", path, nil))
        }
        guesses.append(("DELETE", "/v1/cancellations/\(cafe.bulk)", nil))
        guesses.append(("POST", "/v1/signals", ["signal": "of 3", "data": 1]))
        guesses.append(("POST", "/invoke/\(cafe.functionUUID)", ["data": [:]]))
        for function in [cafe.functionUUID, "f"] {
            guesses.append(("GET", "/v1/runs?app=\(cafe.appUUID)&function=\(function)", nil))
            guesses.append(
                (
                    "POST", "/v1/cancellations",
                    [
                        "app_id": .string(cafe.appUUID), "function_id": .string(function),
                        "started_before": .string(ISO8601.text(of: Date())),
                    ]
                ))
        }
        guesses.append(("GET", "/v1/apps/\(cafe.appUUID)/functions", nil))
        return guesses
    }

    @Test("Whoever guesses another tenant's ids is answered as if there were none, and changes nothing of it")
    func guesses() async throws {
        try await TwoTenants.with { tenants in
            let cafe = try await Self.prepare(tenants)
            let before = try await tenants.holdings(of: 3)
            for tenant in ["shop", "default"] {
                for guess in Self.guesses(cafe) {
                    let answer = try await tenants.ask(tenant, guess.method, guess.path, guess.body)
                    let line =
                        "\(tenant): \(guess.method) \(guess.path) \(guess.body ?? nil) → \(answer.status) \(answer.text)"
                    if guess.path == "/v0/gql" {
                        #expect(answer.body["errors"]?.array?.isEmpty == false, "\(line)")
                    } else {
                        #expect([404, 409, 410].contains(answer.status), "\(line)")
                    }
                    let asked = guess.path + guess.method + ((try? guess.body.map { try JSONCoding.text($0) }) ?? "")
                    #expect(cafe.secrets(in: answer.text, to: asked) == [], "\(line)")
                }
            }
            let after = try await tenants.holdings(of: 3)
            #expect(after == before)
            // The same requests are answered to the one whose they are: they name what is there.
            for path in ["/v1/runs/\(ULID.text(cafe.held))/steps", "/v1/events/\(cafe.event)/runs"] {
                let answer = try await tenants.ask("cafe", "GET", path)
                #expect(answer.status == 200 && !cafe.secrets(in: answer.text).isEmpty, "\(answer.text)")
            }
            let signal = try await tenants.ask("cafe", "POST", "/v1/signals", ["signal": "of 3"])
            #expect(signal.status == 200, "\(signal.text)")
        }
    }

    @Test("Lists have what is the tenant's, and the names that all have mean the tenant's")
    func lists() async throws {
        try await TwoTenants.with { tenants in
            let cafe = try await Self.prepare(tenants)
            let before = try await tenants.holdings(of: 3)
            for (tenant, count) in [("shop", 2), ("default", 2), ("cafe", 2)] {
                let secrets = { (text: String) in tenant == "cafe" ? [] : cafe.secrets(in: text) }
                for path in [
                    "/v1/runs?limit=100", "/v1/events?limit=100", "/v1/runs?app=shop&function=f",
                    "/api/v2/runs?limit=100",
                    "/api/v2/apps/shop/functions/f/runs", "/v1/runs?status=queued",
                ] {
                    let answer = try await tenants.ask(tenant, "GET", path)
                    #expect(answer.status == 200, "\(path) \(answer.text)")
                    let expected = path.contains("queued") && tenant == "cafe" ? 1 : count
                    #expect(answer.data.array?.count == expected, "\(tenant) \(path): \(answer.text)")
                    #expect(secrets(answer.text) == [], "\(tenant) \(path): \(answer.text)")
                }
                let functions = try await tenants.ask(tenant, "GET", "/v1/apps/shop/functions")
                #expect(functions.body.array?.count == 1)
                let gql = try await tenants.ask(
                    tenant, "POST", "/v0/gql",
                    ["query": "{ events(query: {}) { id totalRuns payload } apps { externalID } functions { slug } }"])
                #expect(secrets(gql.text) == [], "\(gql.text)")
                #expect(gql.body["data"]?["apps"]?.array?.count == 1, "\(gql.text)")
                let bulks = try await tenants.ask(tenant, "GET", "/v1/cancellations").data.array?.count
                #expect(bulks == (tenant == "cafe" ? 1 : 0))
            }
            // What is done by name is done to one's own.
            for (method, path, body) in [
                ("POST", "/invoke/shop-f", ["data": ["key": "invoked"]]),
                ("POST", "/api/v2/events", ["name": "a/b", "data": ["key": "v2"]]),
                ("POST", "/v1/events/preview", ["name": "a/cancel", "data": ["key": "same"]]),
                ("POST", "/v1/signals", ["signal": "of 2"]),
                (
                    "POST", "/v1/cancellations",
                    ["app_id": "shop", "function_id": "f", "started_before": .string(ISO8601.text(of: Date()))]
                ),
            ] as [(String, String, JSON)] {
                let answer = try await tenants.ask("shop", method, path, body)
                #expect(answer.status == 200, "\(path) \(answer.text)")
                #expect(cafe.secrets(in: answer.text) == [], "\(path) \(answer.text)")
                if path.hasSuffix("preview") { #expect(answer.data["runs"]?.array?.count == 1, "\(answer.text)") }
            }
            try await tenants.send("shop", "a/cancel")
            let after = try await tenants.holdings(of: 3)
            #expect(after == before)
            let invoked = try await tenants.server.number(
                "SELECT count(*) FROM nightjar.runs WHERE tenant_id = 2")
            #expect(invoked == 4)
        }
    }

    @Test("Events under the same seed and the same id are another tenant's own, and one's own are repeated")
    func seeds() async throws {
        try await TwoTenants.with { tenants in
            let seed = "\(Int(Date().timeIntervalSince1970 * 1_000)),AAECAwQFBgcICQ=="
            for tenant in ["default", "shop", "cafe"] {
                try await tenants.register(tenant)
                for _ in 0..<2 {
                    let answer = try await tenants.server.events(
                        "{\"name\": \"a/b\", \"id\": \"mine\"}", key: tenants.event[tenant] ?? "",
                        headers: [("x-inngest-event-id-seed", seed)])
                    #expect(answer.status == 200, "\(answer.text)")
                }
            }
            for table in ["events", "runs"] {
                let counts = try await tenants.server.services.pool.query(
                    "SELECT tenant_id || ':' || count(*) FROM nightjar.\(table) GROUP BY tenant_id ORDER BY tenant_id"
                ) { try $0.decode(0, as: String.self) }
                #expect(counts == ["1:1", "2:1", "3:1"], "\(table)")
            }
        }
    }

    @Test("Where a search goes on tells no run of another tenant")
    func cursor() async throws {
        try await TwoTenants.with { tenants in
            try await tenants.register("shop")
            try await tenants.register("cafe")
            try await tenants.send("shop")
            let many = "INSERT INTO nightjar.events (tenant_id, name) SELECT 3, 'a/b' FROM generate_series(1, 6000)"
            try await tenants.server.services.pool.execute(many)
            for status in ["", "&status=queued"] {
                var cursor = ""
                var found = 0
                var pages = 0
                repeat {
                    let answer = try await tenants.ask("shop", "GET", "/v1/runs?limit=10\(status)\(cursor)")
                    found += answer.data.array?.count ?? 0
                    let next = answer.body["page"]?["cursor"]?.string
                    if let next {
                        let id = try #require(ULID.id(next))
                        let strangers = try await tenants.server.number(
                            "SELECT count(*) FROM nightjar.runs WHERE run_id = $1 AND tenant_id = 3", [id])
                        #expect(strangers == 0, "\(next)")
                    }
                    cursor = next.map { "&cursor=\($0)" } ?? ""
                    pages += 1
                } while !cursor.isEmpty && pages < 10
                #expect(found == 1 && pages > 1 && pages < 10, "\(status): \(found) in \(pages)")
            }
        }
    }

    @Test("What looks like SQL in any text of a request is text")
    func injection() async throws {
        let texts = [
            "'; UPDATE nightjar.live SET tenant_id = 2; --", "x' OR '1'='1", "$$; DROP SCHEMA nightjar CASCADE; $$",
            "\"; SET nightjar.tenant = '3'; --", "%s%I%L", "') , (3, 'a/b", "\\'; --", "3", "cafe",
        ]
        try await TwoTenants.with { tenants in
            let cafe = try await Self.prepare(tenants)
            let before = try await tenants.holdings(of: 3)
            for text in texts {
                let path = text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
                let json = JSON.string(text)
                let quoted = try JSONCoding.text(json)
                var requests: [(String, String, JSON?)] = []
                for part in [
                    "runs/\(path)", "runs/\(path)/steps", "runs?app=\(path)&function=\(path)", "runs?if=\(path)",
                    "runs?status=\(path)", "runs?cursor=\(path)", "runs?created_after=\(path)", "events?name=\(path)",
                    "events/\(path)", "events?cursor=\(path)", "apps/\(path)/functions",
                ] { requests.append(("GET", "/v1/\(part)", nil)) }
                for part in [
                    "apps/\(path)/functions/\(path)/runs", "runs?appId=\(path)&functionId=\(path)", "runs/\(path)",
                ] {
                    requests.append(("GET", "/api/v2/\(part)", nil))
                }
                requests += [
                    ("DELETE", "/v1/runs/\(ULID.text(cafe.queued))?reason=\(path)", nil),
                    ("POST", "/v1/signals", ["signal": json, "data": json]),
                    ("POST", "/invoke/\(path)", ["data": ["key": json], "user": ["key": json], "id": json]),
                    ("POST", "/api/v2/events", ["name": json, "data": ["key": json], "id": json]),
                    ("POST", "/v1/events/preview", ["name": json, "data": ["key": json], "id": json]),
                    (
                        "POST", "/v1/cancellations",
                        [
                            "app_id": json, "function_id": json, "if": json, "reason": json,
                            "started_before": "2001-01-01T00:00:00Z",
                        ]
                    ),
                    (
                        "POST", "/v1/cancellations",
                        [
                            "app_id": "shop", "function_id": "f", "if": json, "reason": json,
                            "started_before": "2001-01-01T00:00:00Z",
                        ]
                    ),
                    ("POST", "/v1/runs/\(ULID.text(cafe.queued))/rerun", ["from_step": json]),
                    ("POST", "/v0/gql", ["query": json]),
                    (
                        "POST", "/v0/gql",
                        [
                            "query": "query($id: String!) { run(runID: $id) { id } }", "variables": ["id": json],
                        ]
                    ),
                    (
                        "POST", "/fn/register",
                        AppConfigTests.app(
                            [
                                AppConfigTests.function(
                                    [
                                        "name": json, "triggers": [["event": json]],
                                        "cancel": [["event": json, "if": .string("async.data.k == \(quoted)")]],
                                    ], id: text)
                            ], ["appName": json, "framework": json])
                    ),
                ]
                for (method, path, body) in requests {
                    let answer = try await tenants.ask("shop", method, path, body)
                    #expect(answer.status < 500, "\(method) \(path) \(body ?? nil): \(answer.text)")
                    #expect(cafe.secrets(in: answer.text, to: path) == [], "\(answer.text)")
                }
                let event = try await tenants.server.events(
                    JSONCoding.text(["name": json, "data": ["key": json], "id": json]),
                    key: tenants.event["shop"] ?? "", headers: [("x-inngest-event-id-seed", text)])
                #expect(event.status < 500, "\(event.text)")
                let key = try await tenants.server.events("{\"name\":\"a/b\"}", key: path)
                #expect(key.status == 401, "\(key.text)")
                let token = try await tenants.server.raw(
                    "GET", "/v1/runs", headers: [("authorization", "Bearer \(text)")])
                #expect(token.status == 401, "\(token.text)")
            }
            let after = try await tenants.holdings(of: 3)
            #expect(after == before)
        }
    }
}
