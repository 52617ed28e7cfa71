import Foundation
import Logging
import NIOHTTP1
import Nightjar
import NightjarTesting
import TestSupport
import Testing

@testable import NightjarServer

@Suite("The event API", .timeLimit(.minutes(5)))
struct IngestRoutesTests {
    private static let seedNow = "\(UInt64(Date().timeIntervalSince1970 * 1_000)),AAECAwQFBgcICQ=="

    @Test("ids in order, stored under them, data to the last digit")
    func accepted() async throws {
        try await APIServer.with([]) { server in
            let answer = try await server.events(
                "[{\"name\":\"a/b\",\"data\":{\"n\":12345678901234567890.125,\"_inngest\":1},\"id\":\"mine\"},{\"name\":\"c/d\"}]"
            )
            #expect(answer.status == 200)
            #expect(answer.json["status"] == 200)
            #expect(answer.headers.first(name: "X-Inngest-Server-Kind") == "dev")
            let ids = answer.ids.compactMap { ULID.id($0) }
            #expect(ids.count == 2)
            let rows = try await server.services.pool.query(
                "SELECT event_id, name, data::text, id FROM nightjar.events ORDER BY seq"
            ) {
                (try $0.decode(0, as: UUID.self), try $0.decode(1, as: String.self), try $0.decode(2, as: String.self))
            }
            #expect(rows.map(\.0) == ids)
            #expect(rows.map(\.1) == ["a/b", "c/d"])
            #expect(rows.map(\.2) == ["{\"n\": 12345678901234567890.125}", "{}"])
        }
    }

    @Test("all events of a request are stored or none")
    func atomic() async throws {
        try await APIServer.with([]) { server in
            let answer = try await server.events("[{\"name\":\"a/b\"},{\"name\":\"inngest/x\"},{\"name\":\"c/d\"}]")
            #expect(answer.status == 400)
            #expect(answer.json["ids"] == [])
            #expect(answer.json["status"] == 400)
            #expect(answer.json["error"]?.string?.contains("event 2 of the list") == true)
            // What only the database refuses is no different.
            try await server.services.pool.execute("ALTER TABLE nightjar.events ADD CHECK (name <> 'bad')")
            #expect(try await server.events("[{\"name\":\"a/b\"},{\"name\":\"bad\"}]").status == 400)
            #expect(try await server.number("SELECT count(*) FROM nightjar.events") == 0)
        }
    }

    @Test("the same request twice, by its seed: the same ids, stored once, one effect", arguments: [true, false])
    func seeded(_ isNow: Bool) async throws {
        try await APIServer.with([APIFunctions.all[0]]) { server in
            // Long ago: such an id cannot be stored as it is.
            let seed = isNow ? Self.seedNow : "1500000000000,AAECAwQFBgcICQ=="
            let name = try await server.services.pool.query("SELECT event FROM nightjar.function_triggers LIMIT 1") {
                try $0.decode(0, as: String.self)
            }
            let body = "[{\"name\":\"\(name[0])\"},{\"name\":\"other\",\"id\":\"mine\"}]"
            let answers = try await withThrowingTaskGroup(of: APIServer.RawAnswer.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await server.events(body, headers: [("x-inngest-event-id-seed", seed)]) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 200 })
            #expect(Set(answers.map(\.ids)).count == 1)
            #expect(
                try await server.number("SELECT count(*) FROM nightjar.events WHERE name NOT LIKE 'inngest/%'") == 2)
            #expect(try await server.number("SELECT count(*) FROM nightjar.runs") == 1)
            let other = try await server.events(
                body, headers: [("x-inngest-event-id-seed", "1500000000000,CQECAwQFBgcICQ==")])
            #expect(other.status == 200 && other.ids != answers[0].ids)
        }
    }

    @Test("a seed that is none is passed over; so is the environment")
    func odd() async throws {
        try await APIServer.with([]) { server in
            let answer = try await server.events(
                "{\"name\":\"a\"}", headers: [("x-inngest-event-id-seed", "nonsense"), ("x-inngest-env", "branch")])
            #expect(answer.status == 200 && answer.ids.count == 1)
            #expect(try await server.events("[]").json == ["ids": [], "status": 200])
        }
    }

    @Test("forms are refused, except what curl calls a form")
    func forms() async throws {
        try await APIServer.with([]) { server in
            let form = [("content-type", "application/x-www-form-urlencoded")]
            #expect(try await server.events("name=a&data=b", headers: form).status == 400)
            #expect(try await server.events("{\"name\":\"a\"}", headers: form).status == 200)
            let multipart = [("content-type", "multipart/form-data; boundary=x")]
            let body = "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\na\r\n--x--\r\n"
            let answer = try await server.events(body, headers: multipart)
            #expect(answer.status == 400 && answer.json["error"]?.string?.contains("form") == true)
            #expect(
                try await server.events("{\"name\":\"a\"}", headers: [("content-type", "text/plain")]).status == 200)
            let compressed = try await server.events("x", headers: [("content-encoding", "gzip")])
            #expect(compressed.status == 400 && compressed.json["error"]?.string?.contains("gzip") == true)
        }
    }

    @Test("a body that is too large: 413 as JSON, before and after it is there")
    func tooLarge() async throws {
        try await APIServer.with([], configure: { $0.bodyLimit = 1_000 }) { server in
            let body = "{\"name\":\"a\",\"data\":{\"x\":\"\(String(repeating: "x", count: 2_000))\"}}"
            let answer = try await server.events(body)
            #expect(answer.status == 413 && answer.json["error"]?.string?.contains("1000 bytes") == true)
            #expect(try await server.events("{\"name\":\"a\"}").status == 200)
        }
    }

    @Test("a connection that breaks while events are stored: they are there once")
    func broken() async throws {
        try await APIServer.with([]) { server in
            let count = 60
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<count {
                    group.addTask { try await server.events("[{\"name\":\"n\(index)\"},{\"name\":\"m\"}]").status }
                }
                for _ in 0..<10 {
                    try await server.services.pool.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let stored = try await server.number("SELECT count(*) FROM nightjar.events")
            let names = try await server.number("SELECT count(DISTINCT name) FROM nightjar.events WHERE name LIKE 'n%'")
            let accepted = statuses.filter { $0 == 200 }.count
            #expect(statuses.allSatisfy { $0 == 200 || $0 == 503 })
            #expect(Int(names) >= accepted)
            #expect(stored == 2 * names, "nothing twice, nothing by half")
        }
    }

    @Test("one function, by name: started once for an id, whatever its triggers are")
    func invoke() async throws {
        try await APIServer.with([APIFunctions.all[0]]) { server in
            let slug = try await server.services.pool.query(
                "SELECT a.name || '-' || f.name FROM nightjar.functions f JOIN nightjar.apps a USING (app_id)"
            ) { try $0.decode(0, as: String.self) }[0]
            let answer = try await server.raw("POST", "/invoke/\(slug)", Array("{\"data\":{\"a\":1}}".utf8))
            #expect(answer.status == 200)
            #expect(answer.json["id"]?.string.flatMap { ULID.id($0) } != nil)
            #expect(try await server.number("SELECT count(*) FROM nightjar.runs") == 1)
            #expect(try await server.raw("POST", "/invoke/\(slug)").status == 200, "no data at all")
            #expect(try await server.raw("POST", "/invoke/nobody", Array("{}".utf8)).status == 404)
            #expect(try await server.raw("POST", "/invoke/\(slug)", Array("{\"data\":1}".utf8)).status == 400)
        }
    }
}
