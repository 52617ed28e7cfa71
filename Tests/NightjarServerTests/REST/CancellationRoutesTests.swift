import Foundation
import Nightjar
import TestSupport
import Testing

@testable import NightjarServer

@Suite("Cancelling many runs over HTTP", .timeLimit(.minutes(5)))
struct CancellationRoutesTests {
    private func body(_ more: [String: JSON] = [:]) -> JSON {
        let now = ISO8601.text(of: Date().addingTimeInterval(1))
        return .object(
            ["app_id": "shop", "function_id": "nap", "started_before": .string(now)].merging(more) { _, new in new })
    }

    private func napping(_ server: APIServer, _ key: String) async throws -> String {
        let run = try await server.start("api/nap", ["key": .string(key)])
        try await server.run(run, "sleeps") { $0["state"]?.string == "sleeping" }
        return run
    }

    @Test("hits what its preview shows and nothing else, and is listed with how far it has come")
    func cancels() async throws {
        try await APIServer.with { server in
            let (a, b) = (try await napping(server, "a"), try await napping(server, "b"))
            let wait = try await server.start("api/wait", ["key": "a"])
            let condition = body(["if": "event.data.key == 'a'", "reason": "cleaning up"])
            let preview = try await server.post("/v1/cancellations/preview", condition)
            #expect(preview.status == 200)
            #expect(preview.data["total"]?.integer == 1)
            #expect(preview.data["runs"]?[0]?["run_id"]?.string == a)

            let answer = try await server.post("/v1/cancellations", condition)
            #expect(answer.status == 200)
            let asked = answer.data
            #expect(asked["function_id"]?.string == "shop-nap")
            #expect(asked["if"]?.string == "event.data.key == 'a'")
            #expect(asked["kind"]?.string == "bulk_run")
            #expect(asked["cause"]?.string == "API")
            #expect(asked["name"] == JSON.null)
            #expect(asked["started_after"] == JSON.null)
            for member in [
                "created_at", "id", "account_id", "environment_id", "app_id", "function_internal_id", "started_before",
            ] {
                #expect(asked[member]?.string != nil, "\(member)")
            }
            let ended = try await server.run(a, isStatus: "Cancelled")
            #expect(ended["cancellation"]?["kind"]?.string == "bulk")
            #expect(ended["cancellation"]?["reason"]?.string == "cleaning up")
            try await eventually("the request is done") {
                try await server.get("/v1/cancellations").data[0]?["state"]?.string == "done"
            }
            let list = try await server.get("/v1/cancellations").data.array ?? []
            #expect(list.count == 1)
            #expect(list[0]["id"] == asked["id"])
            #expect(list[0]["cancelled"]?.integer == 1)
            for run in [b, wait] {
                let status = try await server.get("/v1/runs/\(run)").data["status"]?.string
                #expect(status == "Running")
            }
            let slug = try await server.post("/v1/cancellations", body(["function_id": "shop-nap"]))
            #expect(slug.status == 200, "with the app's name before it")
            try await server.run(b, isStatus: "Cancelled")
        }
    }

    @Test("leaves what was started outside of its time")
    func times() async throws {
        try await APIServer.with { server in
            let run = try await napping(server, "a")
            let none = try await server.post(
                "/v1/cancellations/preview", body(["started_before": "2026-01-01T00:00:00Z"]))
            #expect(none.data["total"]?.integer == 0)
            let after = try await server.get("/v1/runs/\(run)").data["queued_at"] ?? nil
            let since = try await server.post("/v1/cancellations/preview", body(["started_after": after]))
            #expect(since.data["total"]?.integer == 1)
        }
    }

    @Test("Interrupted, it cancels nothing more")
    func interrupted() async throws {
        // Without a worker nobody carries it out.
        try await APIServer.with([]) { server in
            try await server.services.pool.execute(
                "SELECT * FROM nightjar.register('shop', $1)",
                [
                    PostgresJSON(#"[{"name": "nap", "options": {}, "triggers": [{"event": "api/nap"}], "cancel": []}]"#)
                ])
            let run = try await server.start("api/nap")
            let asked = try await server.post("/v1/cancellations", body())
            let id = try #require(asked.data["id"]?.string)
            let answer = try await server.delete("/v1/cancellations/\(id)")
            #expect(answer.status == 200)
            #expect(answer.data == ["ok": true])
            let uuid = try #require(ULID.id(id))
            let end = try await server.client.carryOut(bulkCancel: uuid)
            #expect(end.state == .interrupted)
            let status = try await server.get("/v1/runs/\(run)").data["status"]?.string
            #expect(status == "Scheduled")
            let listed = try await server.get("/v1/cancellations").data[0]?["state"]?.string
            #expect(listed == "interrupted")
            let missing = try await server.delete("/v1/cancellations/\(ULID.text(UUID()))")
            #expect(missing.status == 404)
            let bad = try await server.delete("/v1/cancellations/x")
            #expect(bad.status == 400)
        }
    }

    @Test("What is incomplete or makes no sense is refused", arguments: ["", "/preview"])
    func refusals(path: String) async throws {
        try await APIServer.with { server in
            let soon = ISO8601.text(of: Date().addingTimeInterval(60))
            let bodies: [(JSON, Int)] = [
                ([:], 400), ([], 400), (body(["app_id": nil]), 400), (body(["function_id": nil]), 400),
                (body(["started_before": nil]), 400), (body(["started_before": "x"]), 400),
                (body(["started_before": .string(soon)]), 400), (body(["started_after": .string(soon)]), 400),
                (body(["if": "event.data."]), 400), (body(["if": 1]), 400), (body(["if": "async.data.a == 1"]), 400),
                (body(["function_id": "unknown"]), 404), (body(["app_id": "unknown"]), 404),
                (body(["function_id": "\0"]), 400),
            ]
            for (body, status) in bodies {
                let answer = try await server.post("/v1/cancellations\(path)", body)
                #expect(answer.status == status, "\(body): \(answer.text)")
                #expect(answer.body["error"]?.string?.isEmpty == false)
            }
            let list = try await server.get("/v1/cancellations").data
            #expect(list == [])
        }
    }
}
