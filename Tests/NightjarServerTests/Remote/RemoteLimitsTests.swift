import Foundation
import NightjarCore
import Testing

@testable import NightjarServer

@Suite("Remote runs: limits")
struct RemoteLimitsTests {
    @Test("Too many steps end the run")
    func steps() {
        var world = RemoteWorld()
        world.limits.steps = 5
        var count = 0
        world.run { _, _ in
            count += 1
            return Script.ran("s\(count)").1
        }
        #expect(world.failure?.name == "InngestErrFunctionOverflowed")
        #expect(world.memo.count == 5)
    }

    @Test("Too large a state ends the run")
    func state() {
        var world = RemoteWorld()
        world.limits.stateBytes = 10_000
        var count = 0
        world.run { _, _ in
            count += 1
            return .http(
                206, "[{\"op\":\"StepRun\",\"id\":\"s\(count)\",\"data\":\"\(String(repeating: "x", count: 3000))\"}]")
        }
        #expect(world.failure?.name == "InngestErrStateOverflowed")
        #expect(count == 4)
    }

    @Test("A step's output that is too large is the step's failure; the function's is the run's")
    func outputs() {
        var world = RemoteWorld()
        world.options.outputLimit = 100
        let large = "\"\(String(repeating: "x", count: 200))\""
        let script = world.play([
            Script.operations("[{\"op\":\"StepRun\",\"id\":\"a\",\"data\":\(large)}]"), ("step", .http(200, large)),
        ])
        #expect(script.calls[1].memo.entries["a"]?.contains("OutputTooLarge") == true)
        #expect(world.failure?.code == "output_too_large")
    }

    @Test(
        "Garbage is the function's error, and tried again",
        arguments: ["<html>", "[{\"op\":\"Dance\",\"id\":\"a\"}]", "[{\"op\":\"StepRun\"}]", "[1]", "\"text\"", ""])
    func garbage(body: String) {
        var world = RemoteWorld()
        world.options.retries = 1
        let garbage = ("step", CallAnswer.http(206, body))
        _ = world.play([garbage, garbage])
        #expect(world.failure?.code == "invalid_answer")
        #expect(world.attempts.count == 1)
    }

    @Test("Whoever is no app's SDK is said to be none")
    func notSDK() {
        var world = RemoteWorld()
        world.options.retries = 1
        let answer = AppAnswer(status: 404, headers: [:], body: Array("nothing here".utf8)).read()
        _ = world.play([("step", answer), ("step", answer)])
        #expect(world.failure?.code == "not_sdk")
        #expect(world.failure?.message.contains("nothing here") == true)
    }

    @Test("What the run remembers survives parking")
    func remoteState() {
        for version in -1...2 {
            for plansOnly in [true, false] {
                for retriesUnasked in [true, false] {
                    var state = RemoteState()
                    state.version = version
                    state.plansOnly = plansOnly
                    state.retriesUnasked = retriesUnasked
                    let again = RemoteState(encoded: state.encoded)
                    #expect(again == state)
                }
            }
        }
        #expect(RemoteState(encoded: 0) == RemoteState())
    }

    @Test("A retry of a planned step is asked for by name after parking; one of a step that ran of itself is not")
    func retryAfterParking() {
        var world = RemoteWorld()
        let script = world.play([
            Script.failed("a"), Script.ran("a"), Script.planned("b", "c"), Script.failed("b", about: "b"),
            Script.ran("c", about: "c"), Script.ran("b", about: "b"), Script.done,
        ])
        #expect(world.isDone && world.executions == 3)
        #expect(script.calls.map(\.attempt) == [0, 1, 0, 0, 0, 1, 0])
    }

    @Test("While a retry of a planned step is pending, nothing is executed without being asked for")
    func plansWhileRetrying() {
        let now = RemoteWorld.start
        // The process died: what the conversation was about is lost.
        let context = RunContext(
            runID: UUID(), function: "f", event: RemoteWorld().event,
            attempts: [
                RecordedAttempt(
                    step: "a", attempt: 2, error: RunError(name: "Oops", message: "no"), retryAt: now + 100,
                    startedAt: now - 2, endedAt: now - 1)
            ], now: now, startedAt: now - 10)
        var machine = RemoteMachine(context: context, options: FunctionOptions())
        guard case .call(let calls) = machine.next(now: now, random: 0) else {
            Issue.record("it does not ask")
            return
        }
        #expect(calls.map(\.about) == ["step"] && calls[0].plansOnly)
        machine.received(Script.planned("a", "b").1, of: calls[0].id, now: now, random: 0)
        guard case .call(let next) = machine.next(now: now, random: 0) else {
            Issue.record("it does not go on")
            return
        }
        #expect(next.map(\.about) == ["b"])
    }
}
