import Foundation
import Nightjar
import Testing

@testable import NightjarServer

@Suite("Runs over HTTP", .timeLimit(.minutes(5)))
struct RunRoutesTests {
    @Test("A run has the documented members, whatever became of it")
    func members() async throws {
        try await APIServer.with { server in
            let (done, failed) = (try await server.start("api/echo"), try await server.start("api/fail"))
            let napping = try await server.start("api/nap")
            let completed = try await server.run(done, isStatus: "Completed")
            #expect(completed["run_id"]?.string == done)
            #expect(completed["function_version"]?.integer == 1)
            #expect(completed["output"] == ["key": nil])
            for member in ["run_started_at", "function_id", "environment_id", "event_id", "ended_at"] {
                #expect(completed[member]?.string != nil, "\(member)")
            }
            for member in ["batch_id", "original_run_id", "cron"] {
                #expect(completed.object?.keys.contains(member) == false, "\(member)")
            }
            let error = try await server.run(failed, isStatus: "Failed")["output"]
            #expect(error?["message"]?.string?.contains("it went wrong") == true)
            let asleep = try await server.run(napping, "sleeps") { $0["state"]?.string == "sleeping" }
            #expect(asleep["status"]?.string == "Running")
            #expect(asleep["ended_at"] == JSON.null)
            #expect(asleep.object?.keys.contains("output") == false)
        }
    }

    @Test("A run is cancelled whatever it is doing; again, it stays as it is")
    func cancel() async throws {
        try await APIServer.with { server in
            for (event, state) in [("api/nap", "sleeping"), ("api/busy", "running"), ("api/wait", "waiting")] {
                let run = try await server.start(event)
                try await server.run(run, "is \(state)") { $0["state"]?.string == state }
                let answer = try await server.delete("/v1/runs/\(run)?reason=enough")
                #expect(answer.status == 200)
                #expect(answer.text.isEmpty)
                let ended = try await server.run(run, isStatus: "Cancelled")
                #expect(ended["cancellation"]?["was"]?.string == state)
                #expect(ended["cancellation"]?["actor"]?.string == "API")
                #expect(ended["cancellation"]?["reason"]?.string == "enough")
                let again = try await server.delete("/v1/runs/\(run)")
                #expect(again.status == 200)
            }
            let done = try await server.start("api/echo")
            try await server.run(done, isStatus: "Completed")
            let late = try await server.delete("/v1/runs/\(done)")
            #expect(late.status == 200)
            let still = try await server.get("/v1/runs/\(done)").data
            #expect(still["status"]?.string == "Completed")
        }
    }

    @Test("A run that has not begun is cancelled and never begins")
    func cancelQueued() async throws {
        try await APIServer.with { server in
            let later = Date().addingTimeInterval(3_600)
            let event = try await server.client.send([NewEvent(name: "api/echo", data: [:], at: later)])[0]
            let id = ULID.text(try #require(UUID(uuidString: event)))
            let run = try #require(try await server.get("/v1/events/\(id)/runs").data[0]?["run_id"]?.string)
            let scheduled = try await server.get("/v1/runs/\(run)").data
            #expect(scheduled["status"]?.string == "Scheduled")
            let answer = try await server.delete("/v1/runs/\(run)")
            #expect(answer.status == 200)
            let ended = try await server.run(run, isStatus: "Cancelled")
            #expect(ended["cancellation"]?["was"]?.string == "scheduled")
        }
    }

    @Test("What is no id is refused, and what is not known is not found", arguments: ["GET", "DELETE"])
    func unknown(method: String) async throws {
        try await APIServer.with([]) { server in
            let unknown = ULID.text(UUID())
            let paths = method == "GET" ? ["", "/jobs", "/steps"] : [""]
            for path in paths {
                let missing = try await server.request(method, "/v1/runs/\(unknown)\(path)")
                #expect(missing.status == 404, "\(path)")
                #expect(missing.body["code"]?.string == "not_found")
                let bad = try await server.request(method, "/v1/runs/nonsense\(path)")
                #expect(bad.status == 400, "\(path)")
            }
        }
    }

    @Test("An unfinished run has one job, an ended one none")
    func jobs() async throws {
        try await APIServer.with { server in
            let run = try await server.start("api/nap")
            let asleep = try await server.run(run, "sleeps") { $0["state"]?.string == "sleeping" }
            let jobs = try await server.get("/v1/runs/\(run)/jobs").data.array
            #expect(jobs?.count == 1)
            #expect(jobs?.first?["at"] == asleep["due_at"])
            #expect(jobs?.first?["kind"]?.string == "edge")
            #expect(
                Set(jobs?.first?.object?.keys ?? [:].keys) == ["JobID", "at", "position", "kind", "attempt", "Raw"])
            _ = try await server.delete("/v1/runs/\(run)")
            let none = try await server.get("/v1/runs/\(run)/jobs").data
            #expect(none == [])
        }
    }

    @Test("The steps of a run: what it recorded, what it waits for, and why it was cancelled")
    func steps() async throws {
        try await APIServer.with { server in
            let failed = try await server.start("api/fail")
            try await server.run(failed, isStatus: "Failed")
            let steps = try await server.get("/v1/runs/\(failed)/steps").data["steps"]?.array ?? []
            #expect(steps.map { $0["name"]?.string } == ["flaky", "flaky", "boom"])
            #expect(steps.map { $0["status"]?.string } == ["Retrying", "Completed", "Failed"])
            #expect(steps.map { $0["attempt"]?.integer } == [1, 2, 1])
            #expect(steps[1]["output"] == 1)
            #expect(steps[2]["error"]?["message"]?.string?.contains("it went wrong") == true)

            let waiting = try await server.start("api/wait", ["key": "k"])
            try await server.run(waiting, "waits") { $0["state"]?.string == "waiting" }
            let open = try await server.get("/v1/runs/\(waiting)/steps").data["steps"]?.array ?? []
            #expect(open.map { $0["kind"]?.string } == ["wait_for_event"])
            #expect(open.first?["status"]?.string == "Waiting")
            #expect(open.first?["awaits"]?.string == "api/answer")

            let napping = try await server.start("api/nap", ["key": "n"])
            try await server.run(napping, "sleeps") { $0["state"]?.string == "sleeping" }
            _ = try await server.send("api/nap.cancelled", ["key": "n"])
            try await server.run(napping, isStatus: "Cancelled")
            let why = try await server.get("/v1/runs/\(napping)/steps").data
            #expect(why["cancellation"]?["kind"]?.string == "event")
            #expect(why["cancellation"]?["event_name"]?.string == "api/nap.cancelled")
            #expect(why["cancelled_by_policy"]?.string == "match data.key")
        }
    }

    @Test("An ended run is run again, from the beginning or from a step on")
    func rerun() async throws {
        try await APIServer.with { server in
            let run = try await server.start("api/fail")
            try await server.run(run, isStatus: "Failed")
            let answer = try await server.request("POST", "/v1/runs/\(run)/rerun")
            #expect(answer.status == 201)
            let again = try #require(answer.data["run_id"]?.string)
            let second = try await server.run(again, isStatus: "Failed")
            #expect(second["original_run_id"]?.string == run)

            let from = try await server.post("/v1/runs/\(run)/rerun", ["from_step": "boom"])
            let third = try #require(from.data["run_id"]?.string)
            try await server.run(third, isStatus: "Failed")
            let kept = try await server.get("/v1/runs/\(third)/steps").data["steps"]?.array ?? []
            #expect(kept.map { $0["name"]?.string } == ["flaky", "boom"], "the first is as it was recorded")

            let unknown = try await server.post("/v1/runs/\(run)/rerun", ["from_step": "nothing"])
            #expect(unknown.status == 400)
            let missing = try await server.request("POST", "/v1/runs/\(ULID.text(UUID()))/rerun")
            #expect(missing.status == 404)
            let napping = try await server.start("api/nap")
            let early = try await server.request("POST", "/v1/runs/\(napping)/rerun")
            #expect(early.status == 409)
            for body in ["[]", "{", #"{"from_step": 1}"#] {
                let bad = try await server.request("POST", "/v1/runs/\(run)/rerun", body: body)
                #expect(bad.status == 400, "\(body)")
            }
        }
    }
}
