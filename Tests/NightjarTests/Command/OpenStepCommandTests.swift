import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

@Suite("nightjar run and runs, of runs that wait for something from outside", .serialized, .timeLimit(.minutes(3)))
struct OpenStepCommandTests {
    @Test("what a run waits for, or has invoked, is told, and by whom it was invoked")
    func open() async throws {
        let child = Function("child", on: .name("test/child")).timeouts(finish: .seconds(7_200)).run { _, step in
            let answer = try await step.waitForEvent(
                "answer", "test/answer", if: "async.data.key == event.data.key && async.data.n > 3",
                timeout: .seconds(3_600))
            return answer == nil ? "late" : "answered"
        }
        let parent = Function("parent", on: TestJob.self).run { event, step in
            try await step.invoke("call", child, with: ["key": event.data.key], as: String.self)
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([parent, child], in: database) { client in
                let url = database.url
                let run = try #require(try await client.runs(startedBy: client.send(TestJob(key: "k"))).first?.id)
                let id = run.uuidString.lowercased()
                try await eventually("the child waits") {
                    try await nightjar("runs", "--status", "waiting", "--database", url).status == 0
                }
                #expect(
                    try await nightjar("runs", "--status", "invoking", "--json", "--database", url).output.contains(id))

                let told = try #require(try await nightjar("run", id, "--json", "--database", url).json().first)
                let call = try #require(told["open_steps"]?[0])
                #expect(call["kind"] == "invoke")
                #expect(call["step"] == "call")
                #expect(call["function"] == "child")
                #expect(call["app"] == "test")
                #expect(call["due_at"] == .null, "it has no timeout")
                #expect(call["status"] == "waiting")
                let childID = try #require(call["run_id"]?.string)
                let shown = try await nightjar("run", id, "--database", url)
                #expect(
                    shown.output.contains(
                        "invokes   test/child, run \(childID) (waiting), without a timeout; step call"),
                    "\(shown.output)")

                let other = try #require(try await nightjar("run", childID, "--json", "--database", url).json().first)
                #expect(other["run"]?["parent_run_id"] == .string(id))
                #expect(other["run"]?["parent_step"] == "call")
                #expect(other["run"]?["expires_at"]?.string?.hasSuffix("Z") == true)
                let answer = try #require(other["open_steps"]?[0])
                #expect(answer["kind"] == "wait_for_event")
                #expect(answer["event"] == "test/answer")
                #expect(answer["match"] == "if async.data.key == event.data.key && async.data.n > 3")
                let text = try await nightjar("run", childID, "--database", url).output
                #expect(text.contains("waits for event test/answer if async.data.key"), "\(text)")
                #expect(text.contains("parent    run \(id), step call"), "\(text)")
                #expect(text.contains("if it has not ended by then"), "\(text)")

                // The cancel of the one that waits is the other's as well.
                _ = try await client.cancel(run, actor: "me")
                _ = try await client.outcome(of: try #require(UUID(uuidString: childID)))
                let cause = try #require(try await nightjar("run", childID, "--json", "--database", url).json().first)
                #expect(cause["run"]?["cause"]?["kind"] == "parent")
                #expect(cause["run"]?["cause"]?["parent"] == .string(id))
                #expect(cause["run"]?["cause"]?["open"] == ["answer"])
                let end = try await nightjar("run", childID, "--database", url)
                #expect(end.output.contains("cause     the run that invoked it, \(id)"), "\(end.output)")
                #expect(end.output.contains("it was    waiting, step answer"), "\(end.output)")
            }
        }
    }
}
