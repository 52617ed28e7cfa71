import Foundation
import NightjarCore
import NightjarTesting
import Testing

@Suite("nightjar dev", .serialized, .timeLimit(.minutes(3)))
struct DevTests {
    @Test("starts a server that other commands find, stops it at SIGTERM, and keeps its data")
    func keepsData() async throws {
        try await withTemporaryDirectory { directory in
            let below = directory.appending(path: "a/b")
            try FileManager.default.createDirectory(at: below, withIntermediateDirectories: true)

            let first = try RunningProgram("nightjar", ["dev", "--port", "0"], in: directory)
            try await first.waitForOutput("Ctrl-C")
            #expect(first.output.contains("psql 'postgres://postgres@/nightjar?host="))
            #expect(first.output.contains("applied 1 tables"))
            #expect(try await nightjar("send", "a/b", "{}", "--id", "kept", in: below).status == 0)
            first.signal(SIGTERM)
            let end = try await first.end()
            #expect(end.status == 0)
            #expect(end.output.contains("The data stay"))
            let stopped = try await nightjar("events", in: below)
            #expect(stopped.status == 69)
            #expect(stopped.error.contains("nightjar dev"))

            let second = try RunningProgram("nightjar", ["dev", "--port", "0", "--json"], in: below)
            try await second.waitForOutput("ready")
            let ready = try JSONDecoder().decode(JSON.self, from: Data(second.output.utf8))
            #expect(ready["applied"] == [])
            let url = try #require(ready["url"]?.string)
            #expect(ready["http"]?.string?.hasPrefix("http://127.0.0.1:") == true)
            let server = try #require(ready["server_process_id"]?.integer)
            #expect(try await nightjar("events", "--database", url, "--json").json().map { $0["id"] } == ["kept"])
            #expect(try await nightjar("doctor", in: directory).output.contains("schema"))
            second.signal(SIGINT)
            #expect(try await second.end().status == 0)
            #expect(kill(pid_t(server), 0) == -1, "the server has ended")
        }
    }

    @Test("a second one in the same directory is refused")
    func refusesSecond() async throws {
        try await withTemporaryDirectory { directory in
            let first = try RunningProgram("nightjar", ["dev", "--port", "0"], in: directory)
            try await first.waitForOutput("Ctrl-C")

            let second = try await nightjar("dev", "--port", "0", in: directory)
            #expect(second.status == 1)
            #expect(second.error.contains("uses"))
            #expect(try await nightjar("migrate", "status", in: directory).status == 0, "the first goes on")

            first.signal(SIGTERM)
            try await first.end()
        }
    }

    @Test("migrates a database that is named instead of starting a server")
    func named() async throws {
        try await TestDatabase.with { database in
            try await withTemporaryDirectory { directory in
                let dev = try RunningProgram(
                    "nightjar", ["dev", "--no-serve", "--database", database.url], in: directory)
                try await dev.waitForOutput("up to date")
                #expect(!FileManager.default.fileExists(atPath: directory.appending(path: ".nightjar").path()))
                dev.signal(SIGTERM)
                #expect(try await dev.end().status == 0)
            }
        }
    }
}
