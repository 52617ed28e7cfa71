import Foundation
import Nightjar
import NightjarTesting
import TestSupport
import Testing

@Suite("nightjar runs, run and cancel", .serialized, .timeLimit(.minutes(3)))
struct RunCommandTests {
    @Test("a sleeping run is listed, shown and cancelled by hand, once")
    func cancelsByHand() async throws {
        try await withPublishing { database, _ in
            let url = database.url
            let id = try await sleepingRun("p1", url)

            let listed = try await nightjar(
                "runs", "--function", "publish-post", "--app", "test", "--since", "1h", "--database", url)
            #expect(listed.status == 0)
            #expect(listed.output.contains("\(id)  test/publish-post  sleeping"))
            let shown = try await nightjar("run", id, "--database", url)
            #expect(shown.status == 0)
            #expect(shown.output.contains("sleep wait-for-publish-time"))
            #expect(shown.output.contains("cancel on blog/post.cancelled match data.postID"))

            let cancelled = try await nightjar("cancel", id, "--actor", "me", "--database", url, "--json")
            #expect(cancelled.status == 0)
            #expect(try cancelled.json() == [["id": .string(id), "answer": "cancelled"]])
            let again = try await nightjar("cancel", id, "--database", url)
            #expect(again.status == 2)
            #expect(again.output.contains("ended already"))

            let run = try #require(try await nightjar("run", id, "--database", url, "--json").json().first)
            #expect(run["run"]?["status"] == "cancelled")
            #expect(run["run"]?["cause"]?["actor"] == "me")
            #expect(run["run"]?["cause"]?["was"] == "sleeping")
            #expect(run["steps"]?[0]?["kind"] == "sleep")
            #expect(try await nightjar("runs", "--status", "sleeping", "--database", url).status == 2)
        }
    }

    @Test("what cancelled a run is told: the event, the policy, when it was asked and applied, what the run was doing")
    func tellsWhatCancelled() async throws {
        try await withPublishing { database, _ in
            let url = database.url
            let id = try await sleepingRun("p1", url)
            let cancel = try await nightjar(
                "send", "blog/post.cancelled", #"{"postID": "p1"}"#, "--database", url, "--json")
            let event = try #require(try cancel.json().first?["id"]?.string)

            let shown = try await nightjar("run", id, "--database", url)
            #expect(shown.output.contains("CANCELLED"))
            #expect(shown.output.contains("event blog/post.cancelled  \(event)"))
            #expect(shown.output.contains("it was    sleeping"))
            let run = try #require(try await nightjar("run", id, "--database", url, "--json").json().first)
            #expect(run["cancelled_by"]?["id"] == .string(event))
            #expect(shown.output.contains("policy    blog/post.cancelled match data.postID"))
            #expect(run["policy"]?["event"] == "blog/post.cancelled")
            #expect(run["policy"]?["match"] == "match data.postID")
            #expect(run["run"]?["cause"]?["policy"] == "match data.postID")
            #expect(run["run"]?["cause"]?["event_name"] == "blog/post.cancelled")
            #expect(run["interruption"] == .null, "it slept")
            #expect(run["run"]?["cause"]?["asked_at"]?.string?.hasSuffix("Z") == true)
            #expect(run["run"]?["cause"]?["applied_at"]?.string?.hasSuffix("Z") == true)
        }
    }

    @Test("a step's failed attempts and its error are told")
    func tellsFailures() async throws {
        struct PrinterOnFire: Error, CustomStringConvertible {
            var description: String { "lp0 on fire" }
        }
        let function = Function("print", on: PostScheduled.self).run { _, step in
            try await step.run("print", retries: RetryPolicy(maxRetries: 1, backoff: .constant(.milliseconds(10)))) {
                throw PrinterOnFire()
            }
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let event = try await client.send(PostScheduled(postID: "p", scheduledAt: Date()))
                let id = try #require(try await client.runs(startedBy: event).first?.id)
                _ = try await client.outcome(of: id)

                let shown = try await nightjar("run", id.uuidString, "--database", database.url)
                #expect(shown.status == 0)
                #expect(shown.output.contains("lp0 on fire; again at"))
                let run = try #require(
                    try await nightjar("run", id.uuidString, "--database", database.url, "--json").json().first)
                #expect(run["run"]?["error"]?["code"] == "step_failed")
                #expect(run["steps"]?.array?.map { $0["kind"] } == ["attempt", "run"])
                #expect(run["steps"]?.array?.map { $0["attempt"] } == [1, 2])
                #expect(try await nightjar("runs", "--status", "failed", "--database", database.url).status == 0)
            }
        }
    }

    @Test("runs that do not exist, and ids that are none")
    func unknown() async throws {
        try await TestDatabase.with { database in
            let id = UUID().uuidString
            let unknown = try await nightjar("run", id, "--database", database.url)
            #expect(unknown.status == 2)
            #expect(unknown.error.contains(id.lowercased()))
            #expect(try await nightjar("cancel", id, "--database", database.url).status == 2)
            #expect(try await nightjar("runs", "--database", database.url).status == 2)
            #expect(try await nightjar("run", "7", "--database", database.url).status == 64)
            #expect(try await nightjar("runs", "--status", "lost", "--database", database.url).status == 64)
        }
    }

    private func withPublishing(_ body: @escaping @Sendable (TestDatabase, Client) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            try await RunningWorker.with([Blog().publishPost], in: database) { client in
                try await body(database, client)
            }
        }
    }

    /// Starts a run by the command line, and answers its id once it sleeps.
    private func sleepingRun(_ post: String, _ url: String) async throws -> String {
        let sent = try await nightjar(
            "send", "blog/post.scheduled", #"{"postID": "\#(post)", "scheduledAt": "2100-01-01T00:00:00Z"}"#,
            "--database", url, "--json")
        let id = try #require(try sent.json().first?["runs"]?[0]?.string)
        try await eventually("the run sleeps") {
            try await nightjar("runs", "--status", "sleeping", "--json", "--database", url).output.contains(id)
        }
        return id
    }
}
