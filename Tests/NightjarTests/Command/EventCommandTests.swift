import Foundation
import Nightjar
import NightjarTesting
import Testing

@Suite("nightjar send and events", .serialized, .timeLimit(.minutes(3)))
struct EventCommandTests {
    @Test("an event that was sent is listed with all that was said of it")
    func sendsAndLists() async throws {
        try await TestDatabase.with { database in
            let sent = try await nightjar(
                "send", "blog/post.cancelled", #"{"postID": "p1"}"#, "--id", "my-id", "--at",
                "2030-01-01T09:00:00+01:00",
                "--user", #"{"id": 7}"#, "--database", database.url, "--json")
            #expect(sent.status == 0)
            #expect(try sent.json() == [["id": "my-id", "runs": []]])

            let event = try #require(try await nightjar("events", "--database", database.url, "--json").json().first)
            #expect(event["id"] == "my-id")
            #expect(event["name"] == "blog/post.cancelled")
            #expect(event["data"] == ["postID": "p1"])
            #expect(event["user"] == ["id": 7])
            #expect(event["ts"] == "2030-01-01T08:00:00.000Z")
        }
    }

    @Test("the data may come from standard input, and names may be listed by prefix")
    func standardInput() async throws {
        try await TestDatabase.with { database in
            let environment = ["NIGHTJAR_DATABASE_URL": database.url]
            for name in ["blog/a", "blog/b", "shop/a"] {
                let sent = try await nightjar("send", name, "-", environment: environment, input: #"{"from": "input"}"#)
                #expect(sent.status == 0)
                #expect(sent.output.contains("it started no run"))
            }

            let blog = try await nightjar("events", "--name", "blog/*", "--json", environment: environment)
            #expect(try blog.json().map { $0["name"] } == ["blog/b", "blog/a"])
            #expect(try blog.json()[0]["data"] == ["from": "input"])
            #expect(try await nightjar("events", "--limit", "1", "--json", environment: environment).json().count == 1)
            let table = try await nightjar("events", environment: environment)
            #expect(table.output.hasPrefix("RECEIVED"))
            #expect(!table.output.contains("\u{1B}"), "no colours where nobody looks")
            #expect(try await nightjar("events", "--name", "none", environment: environment).status == 2)
        }
    }

    @Test(
        "what cannot be an event is refused before anything is sent",
        arguments: [
            ["a/b", "nope"], ["a/b", "[1]"], ["a/b", "{}", "--user", "{"], ["a/b", "{}", "--at", "soon"], ["", "{}"],
        ])
    func refuses(arguments: [String]) async throws {
        let program = try RunningProgram(
            "nightjar", ["send"] + arguments + ["--database", "postgres:///none?host=/none"])
        let result = try await program.end()
        #expect(result.status == 64)
        #expect(!result.error.isEmpty)
    }
}
