import Foundation
import NightjarCore
import Testing

@testable import NightjarServer

@Suite("Remote runs: steps and retries")
struct RemoteStepsTests {
    @Test("One step after the other: each is recorded before the next call, and sent along")
    func sequence() {
        var world = RemoteWorld()
        let script = world.play([Script.ran("a"), Script.ran("b"), Script.done])
        #expect(world.isDone)
        #expect(script.calls.map(\.memo.stack) == [[], ["a"], ["a", "b"]])
        #expect(script.calls[2].memo.entries == ["a": "{\"data\":\"a!\"}", "b": "{\"data\":\"b!\"}"])
        #expect(script.calls.map(\.version) == [-1, 2, 2])
        #expect(script.calls.allSatisfy { $0.attempt == 0 && !$0.plansOnly })
        #expect(world.commits.map(\.keys) == [["a"], ["b"], []])
        #expect(world.executions == 1)
    }

    @Test("Version 2: planned steps run beside each other, and the function goes on after the last")
    func parallel() {
        var world = RemoteWorld()
        let script = world.play([
            Script.planned("a", "b", "c"), Script.ran("a", about: "a"), Script.ran("b", about: "b"),
            Script.ran("c", about: "c"), Script.ran("d"), Script.done,
        ])
        #expect(world.isDone && world.mostParallel == 3)
        #expect(script.calls.map(\.plansOnly) == [false, true, true, true, false, false])
    }

    @Test("Version 1: the function is asked after each planned step, and stays in planning")
    func versionOne() {
        let one = ["x-inngest-req-version": "1"]
        var world = RemoteWorld()
        var answers = ["a": 0, "b": 0]
        var discoveries: [(stack: [String], plansOnly: Bool)] = []
        world.run { call, _ in
            if let step = call.step {
                answers[step, default: 0] += 1
                return Script.ran(step, about: nil, one).1
            }
            discoveries.append((call.memo.stack, call.plansOnly))
            return call.memo.stack.count == 2 ? .http(200, "\"done\"", one) : Script.planned("a", "b", headers: one).1
        }
        #expect(world.isDone)
        #expect(answers == ["a": 1, "b": 1])
        #expect(discoveries.map(\.stack) == [[], ["a"], ["a", "b"]])
        #expect(discoveries.map(\.plansOnly) == [false, true, true])
    }

    @Test("Race mode: the function is asked after each planned step, and may end before the others")
    func race() {
        var world = RemoteWorld()
        // The second step takes longer than all that follows.
        var answered = 0
        world.choose = { _ in
            answered += 1
            return answered == 3 ? 1 : 0
        }
        let script = world.play([
            Script.planned("a", "b", mode: "race"), Script.ran("a", about: "a"), Script.done,
        ])
        #expect(world.isDone)
        #expect(script.calls.map(\.about) == ["step", "a", "step"])
        #expect(world.calls.map(\.about) == ["step", "a", "b", "step"])
        #expect(world.memo.map(\.step) == ["a"])
    }

    @Test("No more calls of a run are under way than allowed")
    func bound() {
        var world = RemoteWorld()
        world.limits.parallelCalls = 3
        let steps = (1...10).map { "s\($0)" }
        let plans = steps.map { "{\"op\":\"StepPlanned\",\"id\":\"\($0)\"}" }.joined(separator: ",")
        world.run { call, _ in
            if let step = call.step { return Script.ran(step).1 }
            return call.memo.stack.isEmpty ? .http(206, "[\(plans)]") : .http(200, "\"done\"")
        }
        #expect(world.isDone && world.mostParallel == 3)
        #expect(Set(world.memo.map(\.step)) == Set(steps))
    }

    @Test("A step that fails is tried again by the table, with its own counter, and then is the function's to catch")
    func retries() {
        var world = RemoteWorld()
        world.options.retries = 2
        let script = world.play([
            Script.ran("a"), Script.failed("b"), Script.failed("b"), Script.failed("b"), Script.done,
        ])
        #expect(world.isDone)
        #expect(script.calls.map(\.attempt) == [0, 0, 1, 2, 0])
        #expect(world.attempts.map(\.step) == ["b", "b"])
        #expect(world.attempts.map(\.attempt) == [1, 2])
        // 15 s and 30 s, and half of 30 s at random.
        let waits = world.attempts.map { ($0.retryAt.timeIntervalSince($0.endedAt)).rounded() }
        #expect(waits == [30, 45])
        #expect(world.parks == [.retrying, .retrying])
        #expect(world.executions == 3)
        let memo = script.calls[4].memo.entries["b"]
        #expect(memo == #"{"error":{"data":null,"message":"no","name":"Oops"}}"#)
        let step = world.memo.last
        #expect(step?.status == .failed && step?.attempt == 3 && step?.error == RunError(name: "Oops", message: "no"))
    }

    @Test("Planned steps have counters of their own, also after parking")
    func plannedRetries() {
        var world = RemoteWorld()
        world.options.retries = 1
        let script = world.play([
            Script.planned("a", "b"), Script.failed("a", about: "a"), Script.failed("b", about: "b"),
            Script.failed("a", about: "a"), Script.ran("b", about: "b"), Script.done,
        ])
        #expect(world.isDone)
        #expect(script.calls.map(\.attempt) == [0, 0, 0, 1, 1, 0])
        #expect(world.memo.map(\.status) == [.failed, .completed])
        #expect(world.executions > 1)
    }

    @Test("No further attempt: StepFailed, the header, or the error says so", arguments: 0..<3)
    func permanent(form: Int) {
        let body =
            switch form {
            case 0: #"[{"op":"StepFailed","id":"a","error":{"name":"Oops","message":"no"}}]"#
            case 1: #"[{"op":"StepError","id":"a","error":{"name":"Oops","message":"no"}}]"#
            default: #"[{"op":"StepError","id":"a","error":{"name":"Oops","message":"no","noRetry":true}}]"#
            }
        var world = RemoteWorld()
        let headers = form == 1 ? ["x-inngest-no-retry": "true"] : [:]
        let script = world.play([Script.operations(body, headers), Script.done])
        #expect(world.isDone && world.attempts.isEmpty)
        #expect(script.calls[1].memo.entries["a"]?.contains("\"message\":\"no\"") == true)
    }

    @Test(
        "Retry-After decides when, between one second and a day",
        arguments: [
            ("120", 120.0), ("0", 1), ("100000000", 86_400), ("2023-11-14T22:15:20Z", 119.99),
            ("Tue, 14 Nov 2023 22:15:20 GMT", 119.99), ("2001-01-01T00:00:00.000Z", 1), ("soon", 30),
        ])
    func retryAfter(text: String, seconds: Double) throws {
        var world = RemoteWorld()
        _ = world.play([Script.failed("a", ["retry-after": text]), Script.ran("a"), Script.done])
        let attempt = try #require(world.attempts.first)
        let delay = attempt.retryAt.timeIntervalSince(attempt.endedAt)
        #expect(abs(delay - seconds) < 0.001)
    }

    @Test("A function's error is tried again, and the count starts anew when a step succeeds")
    func functionErrors() {
        let broken = ("step", CallAnswer.http(500, #"{"name":"Oops","message":"no","stack":"here"}"#))
        var world = RemoteWorld()
        world.options.retries = 1
        let script = world.play([broken, Script.ran("a"), broken, broken])
        #expect(script.calls.map(\.attempt) == [0, 1, 0, 1])
        #expect(world.failure == RunError(name: "Oops", message: "no", stack: "here"))
        #expect(world.attempts.map(\.step) == ["", ""])
        #expect(world.attempts.map(\.attempt) == [1, 2])
    }

    @Test("A function's error without another attempt ends the run")
    func permanentFunctionError() {
        var world = RemoteWorld()
        _ = world.play([("step", .http(400, "\"no such thing\"", ["x-inngest-no-retry": "true"]))])
        #expect(world.failure == RunError(name: "Error", message: "no such thing"))
    }

    @Test("A call for a step that fails as a whole counts for the step, and then fails the run")
    func targetedFunctionError() {
        var world = RemoteWorld()
        world.options.retries = 1
        let broken = ("a", CallAnswer.http(500, #"{"message":"no"}"#))
        _ = world.play([Script.planned("a", "b"), broken, Script.ran("b", about: "b"), broken])
        #expect(world.failure?.message == "no")
        #expect(world.attempts.map(\.step) == ["a"])
    }

    @Test("A retry that is due at once is waited for in the process")
    func shortRetry() {
        var world = RemoteWorld()
        world.options.retries = RetryPolicy(maxRetries: 3, backoff: .constant(.seconds(1)))
        _ = world.play([Script.failed("a"), Script.failed("a"), Script.ran("a"), Script.done])
        #expect(world.isDone && world.executions == 1 && world.parks.isEmpty)
        #expect(world.commits.map(\.attempts.count) == [1, 1, 0, 0])
    }

    @Test("What is recorded already is not recorded again")
    func firstWriteWins() {
        var world = RemoteWorld()
        _ = world.play([
            Script.ran("a"),
            Script.operations(#"[{"op":"StepRun","id":"a","data":2},{"op":"StepRun","id":"b","data":3}]"#),
            Script.done,
        ])
        #expect(world.memo.map(\.output) == ["\"a!\"", "3"])
    }

    @Test("Steps that others recorded during a call are taken up")
    func checkpoints() {
        var world = RemoteWorld()
        var machine = RemoteMachine(context: world.context, options: world.options)
        guard case .call(let calls) = machine.next(now: world.now, random: 0) else {
            Issue.record("unexpected move")
            return
        }
        world.now += 1
        machine.merge([
            RecordedStep(step: "a", kind: .run, output: "1", startedAt: world.now, endedAt: world.now),
            RecordedStep(step: "b", kind: .run, output: "2", startedAt: world.now, endedAt: world.now),
        ])
        let text = #"[{"op":"StepRun","id":"b","data":3},{"op":"RunComplete","id":"x","data":{"ok":true}}]"#
        machine.received(.http(206, text), of: calls[0].id, now: world.now, random: 0)
        guard case .commit(let commit) = machine.next(now: world.now, random: 0) else {
            Issue.record("unexpected move")
            return
        }
        #expect(commit.steps.isEmpty)
        #expect(commit.next == .end(.completed(output: #"{"ok":true}"#)))
    }

    @Test("An app that answers nothing of what it is asked for")
    func planVanished() {
        var world = RemoteWorld()
        world.options.retries = 1
        _ = world.play([
            Script.planned("a", "b"), Script.operations("[]", about: "a"), Script.ran("b", about: "b"),
            // The function was changed: it comes to another step.
            Script.operations(#"[{"op":"StepRun","id":"c","data":1}]"#, about: "a"), Script.done,
        ])
        #expect(world.isDone)
        #expect(world.attempts.map(\.error.name) == ["StepNotFound"])
        #expect(world.memo.map(\.step) == ["b", "c"])
    }

    @Test(
        "An app that goes on with nothing is asked a few times, and then it is the function's error",
        arguments: ["[]", "[{\"op\":\"None\",\"id\":\"\"}]", "null"])
    func fruitless(body: String) {
        var world = RemoteWorld()
        world.options.retries = 1
        let nothing = Script.operations(body)
        let script = world.play([nothing, nothing, nothing, nothing, nothing, nothing])
        #expect(world.failure?.name == "NoProgress")
        #expect(script.calls.map(\.attempt) == [0, 0, 0, 1, 1, 1])
        #expect(world.executions == 2)
    }

    @Test("One fruitless answer is no error")
    func redriven() {
        var world = RemoteWorld()
        _ = world.play([Script.operations("[]"), Script.ran("a"), Script.operations("[]"), Script.done])
        #expect(world.isDone && world.attempts.isEmpty)
    }

    @Test("RunComplete ends the run with its data, after the steps beside it")
    func runComplete() {
        var world = RemoteWorld()
        _ = world.play([
            Script.operations(#"[{"op":"StepRun","id":"a","data":1},{"op":"RunComplete","id":"x","data":[1, 2]}]"#)
        ])
        #expect(world.outcome == .completed(output: "[1,2]"))
        #expect(world.memo.map(\.step) == ["a"])
    }
}
