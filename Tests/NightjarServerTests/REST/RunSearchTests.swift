import Foundation
import Nightjar
import Testing

@testable import NightjarServer

@Suite("A search among runs", .timeLimit(.minutes(5)))
struct RunSearchTests {
    /// Three completed, two failed, two asleep of which one is cancelled; their ids by what they are.
    private func started(_ server: APIServer) async throws -> [String: [String]] {
        var runs: [String: [String]] = [:]
        for number in 1...3 {
            runs["echo", default: []].append(
                try await server.start("api/echo", ["n": .integer(Int64(number)), "tier": "free"]))
        }
        for _ in 1...2 { runs["fail", default: []].append(try await server.start("api/fail", ["tier": "paid"])) }
        for key in ["a", "b"] {
            runs["nap", default: []].append(try await server.start("api/nap", ["key": .string(key)]))
        }
        for run in runs["echo"] ?? [] { try await server.run(run, isStatus: "Completed") }
        for run in runs["fail"] ?? [] { try await server.run(run, isStatus: "Failed") }
        for run in runs["nap"] ?? [] { try await server.run(run, "sleeps") { $0["state"]?.string == "sleeping" } }
        _ = try await server.delete("/v1/runs/\(runs["nap"]?[1] ?? "")")
        return runs
    }

    private func ids(_ server: APIServer, _ query: String) async throws -> [String] {
        let answer = try await server.get("/v1/runs?\(query)")
        #expect(answer.status == 200, "\(query): \(answer.text)")
        return (answer.data.array ?? []).compactMap { $0["run_id"]?.string }
    }

    @Test("by status, function, app, time and expression, alone and together, the newest first")
    func filters() async throws {
        try await APIServer.with { server in
            let runs = try await started(server)
            let (echo, fail, nap) = (runs["echo"] ?? [], runs["fail"] ?? [], runs["nap"] ?? [])
            let all = Array((echo + fail + nap).reversed())
            let cases: [(String, [String])] = [
                ("", all), ("app=shop", all), ("status=Completed", echo.reversed()), ("status=failed", fail.reversed()),
                ("status=Running", [nap[0]]), ("status=sleeping", [nap[0]]), ("status=Cancelled", [nap[1]]),
                ("status=Failed,Cancelled", [nap[1]] + fail.reversed()), ("status=Scheduled", []),
                ("status=Running&status=Completed", [nap[0]] + echo.reversed()),
                ("function=nap", nap.reversed()), ("function=shop-nap", nap.reversed()),
                ("app=shop&function=echo&status=Completed", echo.reversed()), ("function=echo&status=Failed", []),
                ("if=event.data.tier%20==%20'paid'", fail.reversed()),
                ("if=event.data.n%20%3E=%202", [echo[2], echo[1]]),
                ("if=event.data.key%20==%20'a'&status=Running", [nap[0]]),
                ("if=event.data.tier%20==%20'paid'&status=Completed", []),
                ("created_before=2020-01-01T00:00:00Z", []), ("created_after=2020-01-01T00:00:00Z", all),
                ("created_after=2020-01-01T00:00:00Z&status=Running", [nap[0]]),
                ("ended_after=2020-01-01T00:00:00Z", Array(all.filter { $0 != nap[0] })),
                ("started_before=2020-01-01T00:00:00Z&status=Running", []),
            ]
            for (query, expected) in cases {
                let found = try await ids(server, query)
                #expect(found == expected, "\(query)")
            }
            let uuid = try #require(try await server.get("/v1/runs/\(nap[0])").data["function_id"]?.string)
            let byUUID = try await ids(server, "function=\(uuid)")
            #expect(byUUID == nap.reversed())
        }
    }

    @Test("goes on where the page before ended, and ends with the last one")
    func paging() async throws {
        try await APIServer.with { server in
            var sent: [String] = []
            for _ in 0..<5 { sent.append(try await server.start("api/nap")) }
            for query in ["limit=2", "limit=2&status=Scheduled,Running", "limit=5"] {
                var listed: [String] = []
                var cursor = ""
                var sizes: [Int] = []
                repeat {
                    let answer = try await server.get("/v1/runs?\(query)" + (cursor.isEmpty ? "" : "&cursor=\(cursor)"))
                    let page = (answer.data.array ?? []).compactMap { $0["run_id"]?.string }
                    listed += page
                    sizes.append(page.count)
                    cursor = answer.body["page"]?["cursor"]?.string ?? ""
                    #expect(answer.body["page"]?["has_more"]?.bool == !cursor.isEmpty)
                } while !cursor.isEmpty
                #expect(listed == sent.reversed(), "\(query)")
                #expect(sizes == (query == "limit=5" ? [5] : [2, 2, 1]), "\(query)")
            }
        }
    }

    @Test("examines a bounded number of runs a request, and says where to go on when it has found too few")
    func bounded() async throws {
        try await APIServer.with { server in
            let wanted = try await server.start("api/echo", ["wanted": true])
            try await server.run(wanted, isStatus: "Completed")
            // Of another function, so that nothing is to be executed.
            try await server.services.pool.execute(
                """
                WITH f AS (SELECT function_id FROM nightjar.functions WHERE name = 'busy')
                INSERT INTO nightjar.runs (run_id, tenant_id, function_id, event_id, event_seq, created_at)
                SELECT nightjar.uuid7(), 1, f.function_id, gen_random_uuid(), 0, now() FROM f, generate_series(1, $1)
                """, [RunSearch.examined + 100])
            let first = try await server.get("/v1/runs?function=echo")
            #expect(first.data == [])
            let cursor = try #require(first.body["page"]?["cursor"]?.string)
            let second = try await server.get("/v1/runs?function=echo&cursor=\(cursor)")
            #expect(second.data.array?.compactMap { $0["run_id"]?.string } == [wanted])
            #expect(second.body["page"]?["cursor"] == JSON.null)
        }
    }

    @Test("What cannot be understood is refused, with what is wrong")
    func refusals() async throws {
        try await APIServer.with { server in
            for (query, status, words) in [
                ("status=done", 400, "status"), ("limit=0", 400, "limit"), ("limit=101", 400, "limit"),
                ("cursor=x", 400, "cursor"), ("created_after=x", 400, "created_after"),
                ("if=event.data.", 400, "event.data."),
                ("if=async.data.x%20==%201", 400, "async"), ("function=unknown", 404, "unknown"),
                ("app=unknown", 404, "unknown"),
                ("function=%00", 400, "NUL"),
            ] {
                let answer = try await server.get("/v1/runs?\(query)")
                #expect(answer.status == status, "\(query): \(answer.text)")
                #expect(answer.body["error"]?.string?.contains(words) == true, "\(query): \(answer.text)")
            }
        }
    }
}
