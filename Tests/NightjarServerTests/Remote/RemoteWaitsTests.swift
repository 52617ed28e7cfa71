import Foundation
import NightjarCore
import Testing

@testable import NightjarServer

@Suite("Remote runs: waits, invocations, signals, sleeps")
struct RemoteWaitsTests {
    private func wait(_ options: String, name: String = "w") -> (String, CallAnswer) {
        Script.operations(
            #"[{"op":"WaitForEvent","id":"w","name":"\#(name)","displayName":"wait","opts":\#(options)}]"#)
    }

    @Test("A wait begins, the run parks, the event comes")
    func event() throws {
        let eventID = "018bcfe5-7000-7000-8000-000000000002"
        var world = RemoteWorld()
        world.coming = [
            (
                RemoteWorld.start + 10,
                Arrival(
                    step: "w",
                    output:
                        #"{"id": "\#(eventID)", "ts": 1700000010000, "data": {"a": 1}, "name": "x/y", "user": null}"#)
            )
        ]
        let script = world.play([
            wait(#"{"event":"x/y","if":"async.data.a == event.data.n","timeout":"1h"}"#), Script.done,
        ])
        #expect(world.isDone)
        let opening = try #require(world.commits.first?.openings.first)
        #expect(opening.kind == .waitForEvent && opening.name == "wait")
        #expect(opening.wait?.event == "x/y")
        #expect(opening.wait?.branches == [MatchBranch(triggerPath: ["data", "n"], eventPath: ["data", "a"])])
        #expect(world.parks == [.waiting])
        let ulid = ULID.text(try #require(UUID(uuidString: eventID)))
        #expect(
            script.calls[1].memo.entries["w"]
                == #"{"data":{"a":1},"id":"\#(ulid)","name":"x/y","ts":1700000010000,"user":{}}"#)
    }

    @Test("A wait that times out is null", arguments: ["5s", "5000", "2023-11-14T22:13:25.000Z"])
    func timeout(text: String) {
        var world = RemoteWorld()
        let script = world.play([wait(#"{"timeout":"\#(text)"}"#, name: "x/y"), Script.done])
        #expect(script.calls[1].memo.entries["w"] == "null")
        #expect(world.now >= RemoteWorld.start + 5 && world.now < RemoteWorld.start + 6)
        #expect(world.commits.first?.openings.first?.wait?.event == "x/y")
    }

    @Test("A wait without a timeout is over at once")
    func emptyTimeout() {
        var world = RemoteWorld()
        let script = world.play([wait(#"{"event":"x/y","timeout":""}"#), Script.done])
        #expect(script.calls[1].memo.entries["w"] == "null")
        #expect(world.commits.allSatisfy { $0.openings.isEmpty })
    }

    @Test("What can never match waits for its time")
    func neverMatches() {
        var world = RemoteWorld()
        _ = world.play([wait(#"{"event":"x/y","if":"1 == 2","timeout":"5s"}"#), Script.done])
        #expect(world.commits.first?.openings.first?.wait?.branches == [])
        #expect(world.isDone)
    }

    @Test(
        "What cannot be waited for fails the run at once",
        arguments: [
            (#"{"event":"x/y","if":"async.data.a ==","timeout":"5s"}"#, "InvalidExpression"),
            (#"{"event":"x/y","timeout":"367d"}"#, "InngestErrTimeoutTooLong"),
            (#"{"event":"x/y","timeout":"later"}"#, "InvalidDuration"),
            (#"{"event":"x*y","timeout":"5s"}"#, "InvalidEventName"),
        ])
    func refused(options: String, name: String) {
        var world = RemoteWorld()
        _ = world.play([wait(options)])
        #expect(world.failure?.name == name)
        #expect(world.attempts.isEmpty && world.memo.isEmpty)
    }

    private func invoke(_ options: String) -> (String, CallAnswer) {
        Script.operations(#"[{"op":"InvokeFunction","id":"i","opts":\#(options)}]"#)
    }

    @Test("An invocation's result, and what goes into it")
    func invocation() throws {
        var world = RemoteWorld()
        world.coming = [(RemoteWorld.start + 10, Arrival(step: "i", output: "null"))]
        let script = world.play([
            invoke(#"{"function_id":"app-other","payload":{"data":{"big":12345678901234567890}}}"#), Script.done,
        ])
        let opening = try #require(world.commits.first?.openings.first)
        #expect(opening.invocation == Invocation(slug: "app-other", dataJSON: #"{"big":12345678901234567890}"#))
        #expect(opening.dueAt.timeIntervalSince(opening.startedAt) == 365 * 86_400)
        #expect(script.calls[1].memo.entries["i"] == #"{"data":null}"#)
        #expect(world.parks == [.invoking])
    }

    @Test("An invocation that fails, or takes too long, is an error to the function")
    func failedInvocation() {
        for comes in [true, false] {
            var world = RemoteWorld()
            if comes {
                let error = RunError(name: "Oops", message: "no")
                world.coming = [(RemoteWorld.start + 1, Arrival(step: "i", error: error))]
            }
            let script = world.play([
                invoke(#"{"function_id":"app-other","payload":{},"timeout":"5s"}"#), Script.done,
            ])
            let memo = script.calls[1].memo.entries["i"] ?? ""
            #expect(memo.hasPrefix("{\"error\":{") && memo.contains(comes ? "\"name\":\"Oops\"" : "timed out"))
            #expect(comes || world.memo.last?.error?.code == RunError.Code.invokeTimeout)
        }
    }

    private let signal = Script.operations(
        #"[{"op":"WaitForSignal","id":"g","opts":{"signal":"go","timeout":"1h","conflict":"fail"}}]"#)

    @Test("A signal is claimed before the wait is recorded, and brings its data")
    func signalArrives() throws {
        var world = RemoteWorld()
        let event = #"{"id":"e","name":"inngest/signal.sent","data":{"signal":"go","data":[1],"waiter":"r.g"},"ts":1}"#
        world.coming = [(RemoteWorld.start + 1, Arrival(step: "g", output: event))]
        let script = world.play([signal, Script.done])
        let waiter = "\(world.runID.uuidString.lowercased()).g"
        let wait = try #require(world.commits.first?.openings.first?.wait)
        let expected = Match(try FieldPath("data.waiter"), equals: .string(waiter))
        #expect(wait.event == "inngest/signal.sent" && wait.branches == expected.branches)
        #expect(script.calls[1].memo.entries["g"] == #"{"data":{"data":[1],"signal":"go"}}"#)
    }

    @Test("A signal that does not come is null")
    func signalTimesOut() {
        var world = RemoteWorld()
        let script = world.play([signal, Script.done])
        #expect(script.calls[1].memo.entries["g"] == "null")
    }

    @Test("A signal that another step waits for fails the run")
    func signalConflict() {
        var world = RemoteWorld()
        world.takenSignals = ["go"]
        _ = world.play([signal])
        #expect(world.failure?.name == "SignalConflict")
        #expect(world.open.isEmpty)
    }

    @Test(
        "A sleep is absent until it is over, and then null",
        arguments: [
            #"{"op":"Sleep","id":"s","name":"5s"}"#, #"{"op":"sleep","id":"s","name":"nap","opts":{"duration":"5s"}}"#,
            #"{"op":"SLEEP","id":"s","name":"2023-11-14T22:13:25.010Z","opts":null,"data":null}"#,
        ])
    func sleep(text: String) {
        var world = RemoteWorld()
        let script = world.play([Script.operations(text), Script.done])
        #expect(world.isDone && world.executions == 2)
        #expect(script.calls[1].memo.entries == ["s": "null"])
        #expect(world.parks == [.sleeping])
        #expect(world.memo.first?.dueAt == RemoteWorld.start + 5.01)
    }

    @Test("A sleep in the past is over")
    func pastSleep() {
        var world = RemoteWorld()
        let script = world.play([
            Script.operations(#"[{"op":"Sleep","id":"s","name":"2001-01-01T00:00:00Z"}]"#), Script.done,
        ])
        #expect(world.isDone && world.executions == 1)
        #expect(script.calls[1].memo.entries == ["s": "null"])
    }

    @Test("A sleep beside a step holds up neither the step nor what follows it")
    func sleepBeside() {
        var world = RemoteWorld()
        let nap = #"{"op":"Sleep","id":"s","name":"1h"}"#
        let script = world.play([
            Script.operations("[\(nap),{\"op\":\"StepPlanned\",\"id\":\"a\"}]"), Script.ran("a", about: "a"),
            Script.operations("[\(nap),{\"op\":\"StepPlanned\",\"id\":\"b\"}]"), Script.ran("b", about: "b"),
            Script.operations("[\(nap)]"), Script.done,
        ])
        #expect(world.isDone)
        #expect(script.calls.map(\.memo.stack) == [[], [], ["a"], ["a"], ["a", "b"], ["a", "b", "s"]])
        #expect(world.memo.count { $0.step == "s" } == 1)
    }

    @Test("What is over while a step executes goes into a call at once, in the order in which it was over")
    func overDuringCall() {
        var world = RemoteWorld()
        world.latency = 10
        // The step that was started first is answered last.
        world.choose = { $0 - 1 }
        let script = world.play([
            Script.operations(
                #"[{"op":"Sleep","id":"s","name":"5s"},{"op":"StepPlanned","id":"a"},{"op":"StepPlanned","id":"b"}]"#),
            Script.ran("b", about: "b"), Script.operations("[]"), Script.ran("a", about: "a"), Script.done,
        ])
        #expect(world.isDone)
        #expect(script.calls.map(\.memo.stack) == [[], [], ["s", "b"], [], ["s", "b", "a"]])
        #expect(script.calls[2].plansOnly)
    }

    @Test("An event that comes while a step executes")
    func arrivalDuringCall() {
        var world = RemoteWorld()
        world.latency = 10
        world.coming = [
            (RemoteWorld.start + 15, Arrival(step: "w", output: #"{"name":"x/y","id":"e","data":{},"ts":1}"#))
        ]
        world.choose = { $0 - 1 }
        let script = world.play([
            Script.operations(
                #"[{"op":"StepPlanned","id":"a"},{"op":"StepPlanned","id":"b"},{"op":"WaitForEvent","id":"w","opts":{"event":"x/y","timeout":"1h"}}]"#
            ),
            Script.ran("b", about: "b"), Script.operations("[]"), Script.ran("a", about: "a"), Script.done,
        ])
        #expect(world.isDone)
        #expect(script.calls[2].memo.stack == ["b", "w"])
    }

    @Test("Listeners come before steps of the same answer")
    func listenersFirst() {
        var world = RemoteWorld()
        _ = world.play(
            [
                Script.operations(
                    #"[{"op":"StepPlanned","id":"a"},{"op":"WaitForEvent","id":"w","opts":{"event":"x/y","timeout":"1h"}}]"#
                ),
                Script.ran("a", about: "a"), Script.operations("[]"),
            ], parks: 0)
        #expect(world.commits.first?.openings.map(\.step) == ["w"])
        #expect(world.calls.map(\.about) == ["step", "a", "step"])
        #expect(world.parks == [.waiting])
    }
}
