import Foundation
import Nightjar
import Testing

@testable import NightjarServer

@Suite("Events over HTTP", .timeLimit(.minutes(5)))
struct EventRoutesTests {
    @Test("An event is read with its documented members; its runs are listed until they have ended")
    func event() async throws {
        try await APIServer.with { server in
            let id = try await server.send("api/echo", ["key": "k", "size": 1.5], id: "order-1")
            let answer = try await server.get("/v1/events/\(id)")
            #expect(answer.status == 200)
            #expect(answer.body["metadata"]?["fetched_at"]?.string != nil)
            #expect(answer.body["metadata"]?["cached_until"] == JSON.null)
            let event = answer.data
            #expect(event["internal_id"]?.string == id)
            #expect(event["id"]?.string == "order-1")
            #expect(event["name"]?.string == "api/echo")
            #expect(event["data"] == ["key": "k", "size": 1.5])
            #expect(event["ts"]?.integer ?? 0 > 1_700_000_000_000)
            #expect(event["user"] == nil)
            for member in ["account_id", "environment_id", "received_at", "source", "source_id"] {
                #expect(event.object?.keys.contains(member) == true, "\(member)")
            }
            let runs = try await server.get("/v1/events/\(id)/runs").data
            let run = try #require(runs[0]?["run_id"]?.string)
            let ended = try await server.run(run, isStatus: "Completed")
            #expect(ended["output"] == ["key": "k"])
            #expect(ended["event_id"]?.string == id)
            #expect(ended["ended_at"]?.string != nil)
            let uuid = try #require(ULID.id(id)).uuidString
            let byUUID = try await server.get("/v1/events/\(uuid)").data
            #expect(byUUID["internal_id"]?.string == id, "UUIDs are read as well")
        }
    }

    @Test("Numbers that no program holds pass through as they were sent")
    func numbers() async throws {
        try await APIServer.with([]) { server in
            let sent = try await server.request(
                "POST", "/e/key",
                body: #"{"name": "api/big", "data": {"n": 123456789012345678901234567890, "m": 1.10}}"#)
            let id = try #require(sent.body["ids"]?[0]?.string)
            let text = try await server.get("/v1/events/\(id)").text
            #expect(text.contains("123456789012345678901234567890"))
            #expect(text.contains("1.10"))
        }
    }

    @Test("A list goes on after its last event, page by page, the newest first")
    func paging() async throws {
        try await APIServer.with([]) { server in
            var sent: [String] = []
            for number in 0..<7 { sent.append(try await server.send("api/list", ["n": .integer(Int64(number))])) }
            _ = try await server.send("api/other")
            var listed: [String] = []
            var path = "/v1/events?name=api/list&limit=3"
            var pages = 0
            while true {
                let page = try await server.get(path).data.array ?? []
                if page.isEmpty { break }
                pages += 1
                listed += page.compactMap { $0["internal_id"]?.string }
                path = "/v1/events?name=api/list&limit=3&cursor=\(listed.last ?? "")"
            }
            #expect(listed == sent.reversed())
            #expect(pages == 3)
            let all = try await server.get("/v1/events").data.array
            #expect(all?.count == 8)
            let prefix = try await server.get("/v1/events?name=api/l*").data.array
            #expect(prefix?.count == 7)
        }
    }

    @Test("Events are chosen by when they were received")
    func times() async throws {
        try await APIServer.with([]) { server in
            let first = try await server.send("api/list")
            let at = try #require(try await server.get("/v1/events/\(first)").data["received_at"]?.string)
            let second = try await server.send("api/list")
            let after = try await server.get("/v1/events?received_after=\(at)").data.array
            #expect(after?.compactMap { $0["internal_id"]?.string } == [second, first])
            let before = try await server.get("/v1/events?received_before=\(at)").data.array
            #expect(before == [])
            try await server.services.pool.execute(
                "UPDATE nightjar.events SET received_at = received_at - interval '2 hours'")
            let hour = try await server.get("/v1/events").data.array
            #expect(hour == [], "without bounds, the last hour")
        }
    }

    @Test("What is no id, not known, or no number is refused in the documented shape")
    func refusals() async throws {
        try await APIServer.with([]) { server in
            let unknown = ULID.text(UUID())
            for (path, status, code) in [
                ("/v1/events/nonsense", 400, "invalid_field_format"), ("/v1/events/\(unknown)", 404, "not_found"),
                ("/v1/events/\(unknown)/runs", 404, "not_found"), ("/v1/events?limit=0", 400, "invalid_field_format"),
                ("/v1/events?limit=x", 400, "invalid_field_format"),
                ("/v1/events?limit=101", 400, "invalid_field_format"),
                ("/v1/events?cursor=x", 400, "invalid_field_format"),
                ("/v1/events?received_after=yesterday", 400, "invalid_field_format"),
                ("/v1/events?name=%00", 400, "invalid_request"),
            ] {
                let answer = try await server.get(path)
                #expect(answer.status == status, "\(path)")
                #expect(answer.body["code"]?.string == code, "\(path)")
                #expect(answer.body["error"]?.string?.isEmpty == false, "\(path)")
                #expect(answer.body["data"] == JSON.null, "\(path)")
                #expect(answer.body["status"]?.integer == Int64(status), "\(path)")
            }
        }
    }

    @Test("A preview names the runs that an event would cancel, and sends nothing")
    func preview() async throws {
        try await APIServer.with { server in
            let run = try await server.start("api/nap", ["key": "a"])
            _ = try await server.start("api/nap", ["key": "b"])
            try await server.run(run, "sleeps") { $0["state"]?.string == "sleeping" }
            let answer = try await server.post(
                "/v1/events/preview", ["name": "api/nap.cancelled", "data": ["key": "a"]])
            #expect(answer.status == 200)
            let runs = answer.data["runs"]?.array
            #expect(runs?.count == 1)
            #expect(runs?.first?["run_id"]?.string == run)
            #expect(runs?.first?["function_slug"]?.string == "shop-nap")
            #expect(runs?.first?["policy"]?.string == "match data.key")
            let none = try await server.post("/v1/events/preview", ["name": "api/nap.cancelled"])
            #expect(none.data["runs"] == [])
            let still = try await server.get("/v1/runs/\(run)").data
            #expect(still["status"]?.string == "Running")
            let bad: [JSON] = [
                [:], ["name": ""], ["name": 1], ["name": "a", "data": []], ["name": "a", "ts": "x"],
                ["name": "inngest/x"], ["name": "a", "data": ["t": "\0"]],
            ]
            for body in bad {
                let refused = try await server.post("/v1/events/preview", body)
                #expect(refused.status == 400, "\(body) \(refused.text)")
            }
        }
    }
}
