import Foundation
import Nightjar
import Testing

@testable import NightjarServer

@Suite("Version 2 of the API", .timeLimit(.minutes(5)))
struct VersionTwoRoutesTests {
    @Test("A run in camel case, with its output where it is asked for", arguments: ["/api/v2", "/v2"])
    func run(prefix: String) async throws {
        try await APIServer.with { server in
            let id = try await server.start("api/echo", ["key": "k"])
            try await server.run(id, isStatus: "Completed")
            let answer = try await server.get("\(prefix)/runs/\(id)")
            #expect(answer.status == 200)
            #expect(answer.body["metadata"]?["fetchedAt"]?.string != nil)
            let run = answer.data
            #expect(run["id"]?.string == id)
            #expect(run["status"]?.string == "COMPLETED")
            #expect(run["function"] == ["id": "shop-echo", "name": "echo"])
            #expect(run["app"] == ["id": "shop"])
            #expect(run["durationMs"]?.string.flatMap(Int.init) != nil, "an unsigned number of 64 bits is a text")
            #expect(run["trigger"]?["eventIds"]?.array?.count == 1)
            #expect(run["output"] == nil)
            let whole = try await server.get("\(prefix)/runs/\(id)?includeOutput=true").data
            #expect(whole["output"] == ["key": "k"])
        }
    }

    @Test("A cancel says why it was in vain")
    func cancel() async throws {
        try await APIServer.with { server in
            let (done, napping) = (try await server.start("api/echo"), try await server.start("api/nap"))
            try await server.run(done, isStatus: "Completed")
            let ended = try await server.request("POST", "/api/v2/runs/\(done)/cancel")
            #expect(ended.status == 409)
            #expect(ended.body["errors"]?[0]?["code"]?.string == "run_already_ended")
            let cancelled = try await server.request("POST", "/api/v2/runs/\(napping)/cancel")
            #expect(cancelled.status == 200)
            #expect(cancelled.data == ["runId": .string(napping)])
            try await server.run(napping, isStatus: "Cancelled")
            let again = try await server.request("POST", "/api/v2/runs/\(napping)/cancel")
            #expect(again.status == 409)
            #expect(again.body["errors"]?[0]?["code"]?.string == "run_already_cancelled")
            let missing = try await server.request("POST", "/api/v2/runs/\(ULID.text(UUID()))/cancel")
            #expect(missing.status == 404)
            #expect(missing.body["errors"]?[0]?["code"]?.string == "not_found")
            let bad = try await server.request("POST", "/api/v2/runs/x/cancel")
            #expect(bad.status == 400)
            #expect(bad.body["errors"]?[0]?["code"]?.string == "invalid_field_format")
        }
    }

    @Test("A rerun from a step; another input is not supported")
    func rerun() async throws {
        try await APIServer.with { server in
            let run = try await server.start("api/fail")
            try await server.run(run, isStatus: "Failed")
            let answer = try await server.post("/api/v2/runs/\(run)/rerun", ["fromStep": ["stepId": "boom"]])
            #expect(answer.status == 200)
            let again = try #require(answer.data["runId"]?.string)
            try await server.run(again, isStatus: "Failed")
            let input = try await server.post(
                "/api/v2/runs/\(run)/rerun", ["fromStep": ["stepId": "boom", "input": [1]]])
            #expect(input.status == 422)
            let nameless = try await server.post("/api/v2/runs/\(run)/rerun", ["fromStep": [:]])
            #expect(nameless.status == 400)
            #expect(nameless.body["errors"]?[0]?["code"]?.string == "missing_field")
        }
    }

    @Test("Runs by status, function and event, page by page")
    func list() async throws {
        try await APIServer.with { server in
            var sent: [String] = []
            for _ in 0..<3 { sent.append(try await server.start("api/nap")) }
            for run in sent { try await server.run(run, "sleeps") { $0["state"]?.string == "sleeping" } }
            let echo = try await server.start("api/echo")
            try await server.run(echo, isStatus: "Completed")
            let ids = { (answer: APIServer.Answer) in (answer.data.array ?? []).compactMap { $0["id"]?.string } }
            let first = try await server.get("/api/v2/runs?status=RUNNING&limit=2")
            #expect(ids(first) == [sent[2], sent[1]])
            #expect(first.body["page"]?["hasMore"] == true)
            let cursor = try #require(first.body["page"]?["cursor"]?.string)
            let second = try await server.get("/api/v2/runs?status=RUNNING&limit=2&cursor=\(cursor)")
            #expect(ids(second) == [sent[0]])
            #expect(second.body["page"] == ["hasMore": false, "limit": 2])
            let named = try await server.get("/api/v2/runs?appId=shop&functionId=shop-echo&includeOutput=true")
            #expect(ids(named) == [echo])
            #expect(named.data[0]?["output"] == ["key": nil])
            let byPath = try await server.get("/api/v2/apps/shop/functions/echo/runs")
            #expect(ids(byPath) == [echo])
            let event = try #require(try await server.get("/v1/runs/\(echo)").data["event_id"]?.string)
            let ofEvent = try await server.get("/api/v2/events/\(event)/runs")
            #expect(ids(ofEvent) == [echo])
            for (path, status) in [
                ("/api/v2/runs?functionId=echo", 400), ("/api/v2/runs?status=x", 400),
                ("/api/v2/runs?timeField=x", 400),
                ("/api/v2/runs?order=ASC", 422), ("/api/v2/runs?from=x", 400), ("/api/v2/runs?appId=none", 404),
                ("/api/v2/runs?includeOutput=maybe", 400), ("/api/v2/events/\(ULID.text(UUID()))/runs", 404),
                ("/api/v2/runs/\(ULID.text(UUID()))", 404), ("/api/v2/runs/x", 400),
            ] {
                let answer = try await server.get(path)
                #expect(answer.status == status, "\(path)")
                #expect(answer.body["errors"]?[0]?["message"]?.string?.isEmpty == false, "\(path)")
            }
        }
    }

    @Test("An event is sent, and starts what it starts")
    func send() async throws {
        try await APIServer.with { server in
            let answer = try await server.post("/api/v2/events", ["name": "api/echo", "data": ["key": "v2"]])
            #expect(answer.status == 200)
            let event = try #require(answer.data["eventId"]?.string)
            let run = try #require(try await server.get("/v1/events/\(event)/runs").data[0]?["run_id"]?.string)
            try await server.run(run, isStatus: "Completed")
            for body in [[:], [], [["name": "a"], ["name": "b"]], ["name": "inngest/x"]] as [JSON] {
                let bad = try await server.post("/api/v2/events", body)
                #expect(bad.status == 400, "\(body)")
            }
        }
    }
}
