import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

@Suite("nightjar preview, reschedule and rerun", .serialized, .timeLimit(.minutes(3)))
struct AgainCommandTests {
    @Test("a preview lists what the event would cancel, and sends nothing")
    func preview() async throws {
        try await withPost { probe, url in
            try await probe.send("test/post", key: "k")
            let id = try #require(try await probe.runs(key: "k").first?.id.uuidString.lowercased())
            let event = ["test/cancel", #"{"key": "k"}"#, "--database", url]
            let shown = try await RunningProgram("nightjar", ["preview"] + event).end()
            #expect(shown.status == 0)
            #expect(shown.output.contains("It would cancel 1 run:"))
            #expect(shown.output.contains("\(id)  probe/post  queued  match data.key"), "\(shown.output)")
            let json = try await RunningProgram("nightjar", ["preview", "--json"] + event).end()
            #expect(try json.json().first?["total"] == 1)
            let hit = try json.json().first?["would_cancel"]?[0]
            #expect(hit?["id"] == .string(id))
            #expect(hit?.object?.keys.sorted() == ["app", "function", "id", "policy", "policy_id", "status"])
            #expect(try await probe.runs(key: "k").map(\.status) == ["queued"])

            #expect(try await RunningProgram("nightjar", ["send"] + event).end().status == 0)
            #expect(try await probe.runs(key: "k").map(\.status) == ["cancelled"])
            #expect(try await RunningProgram("nightjar", ["preview"] + event).end().status == 2)
        }
    }

    @Test("rescheduling replaces the run, and refuses to replace nothing")
    func reschedule() async throws {
        try await withPost { probe, url in
            for id in ["one", "two"] {
                let sent = try await nightjar(
                    "reschedule", "test/post", #"{"key": "k"}"#, "--id", id, "--at", "2h", "--json", "--database", url)
                #expect(sent.status == 0)
                #expect(try sent.json().first?["id"] == .string(id))
                #expect(try sent.json().first?["runs"]?.array?.count == 1)
            }
            #expect(try await probe.runs(key: "k").map(\.status) == ["cancelled", "scheduled"])
            let nothing = try await nightjar("reschedule", "test/cancel", #"{"key": "k"}"#, "--database", url)
            #expect(nothing.status == 2)
            #expect(nothing.error.contains("cancelOn"))
            let lacking = try await nightjar("reschedule", "test/post", "{}", "--database", url)
            #expect(lacking.status == 64)
            #expect(lacking.error.contains("data.key"))
            #expect(try await nightjar("reschedule", "test/post", "nope", "--database", url).status == 64)
        }
    }

    @Test("an ended run is run again, from the beginning or from a step on; both runs tell")
    func rerun() async throws {
        try await withPost { probe, url in
            try await probe.send("test/post", key: "k")
            let lease = try #require(try await probe.claim().runs.first?.lease)
            let id = lease.run.uuidString.lowercased()
            #expect(try await probe.recordStep("a", under: lease))
            #expect(try await nightjar("rerun", id, "--database", url).status == 2, "it has not ended")
            #expect(try await probe.complete(lease))

            let again = try await nightjar("rerun", id, "--json", "--database", url)
            let new = try #require(try again.json().first?["id"]?.string)
            #expect(try again.json() == [["id": .string(new), "rerun_of": .string(id), "from": nil]])
            let text = try await nightjar("rerun", id, "--from", "a", "--database", url)
            #expect(text.output.hasSuffix("repeats it from step a on.\n"))
            let unknown = try await nightjar("rerun", id, "--from", "b", "--database", url)
            #expect(unknown.status == 2)
            #expect(unknown.error.contains("It has recorded: a."))

            let old = try #require(try await nightjar("run", id, "--json", "--database", url).json().first)
            #expect(old["reruns"]?.array?.count == 2)
            #expect(old["reruns"]?[0] == .string(new))
            let shown = try await nightjar("run", new, "--database", url)
            #expect(shown.output.contains("repeats   run \(id)"), "\(shown.output)")
            #expect(try await nightjar("run", id, "--database", url).output.contains("repeated  by run \(new)"))
        }
    }

    private func withPost(_ body: @Sendable (Probe, String) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.register(
                """
                [{"name": "post", "options": {}, "triggers": [{"event": "test/post"}], "cancel": [
                  {"event": "test/cancel", "text": "match data.key",
                   "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]},
                  {"event": "test/post", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]}]}]
                """)
            try await body(probe, database.url)
        }
    }
}
