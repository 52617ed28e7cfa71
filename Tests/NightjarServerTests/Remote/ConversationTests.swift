import Foundation
import Logging
import NightjarCore
import Testing

@testable import Nightjar
@testable import NightjarServer

/// Conversations as SDKs hold them: what is sent, and what they answer.
@Suite("Remote runs: conversations")
struct ConversationTests {
    private let function = RemoteFunction(
        id: 1, uuid: UUID(uuidString: "0b9e6f0e-0000-4000-8000-000000000001")!, slug: "shop-f", name: "f", title: "F",
        url: "http://localhost/api/inngest?fnId=shop-f&stepId=step", options: FunctionOptions())

    /// A call's body, as it is sent.
    private func body(_ call: RemoteCall, _ world: RemoteWorld, fetches: Bool = true) throws -> JSONValue {
        let lease = RunLease(run: world.runID, session: UUID(), epoch: 3, tenant: 1)
        let run = RunAssignment(
            functionID: 1, context: world.context, recorder: NoRecorder(), mailbox: RunMailbox(), lease: lease,
            logger: Logger(label: "test"), interrupted: { _ in }, recorded: { [] })
        let body = CallBody(run, of: function, limits: world.limits, fetches: fetches)
        let bytes = body.bytes(of: call, CallBody.Identity(request: "01R", job: "01J"))
        let canonical = try CanonicalJSON.bytes(of: bytes, numbers: .exact)
        #expect(bytes == canonical)
        return try JSONTree(bytes).value
    }

    @Test("Python: three steps, a sleep")
    func python() throws {
        let headers = [
            "x-inngest-sdk": "inngest-py:v0.5.19", "x-inngest-req-version": "2", "x-inngest-framework": "flask",
        ]
        let keys = ["a", "b", "c"].map { Digest.sha1(Array($0.utf8)).hex }
        let answers = zip(["a", "b", "c"], keys).map { name, key in
            (
                "step",
                CallAnswer.http(
                    206,
                    #"[{"displayName":"\#(name)","id":"\#(key)","name":"\#(name)","op":"StepRun","opts":null,"#
                        + #""userland":{"id":"\#(name)","index":null},"data":"\#(name)"}]"#, headers)
            )
        }
        let nap = (
            "step",
            CallAnswer.http(
                206,
                #"[{"displayName":"zzz","id":"1f4ea1","name":"2023-11-14T22:13:28.000Z","op":"Sleep","opts":null,"#
                    + #""userland":{"id":"zzz","index":null},"data":null}]"#, headers)
        )
        var world = RemoteWorld()
        let before = world
        let script = world.play(answers + [nap, ("step", .http(200, "\"done\"", headers))])
        #expect(world.isDone)
        #expect(world.memo.map(\.name) == ["a", "b", "c", "zzz"])
        #expect(keys[0] == "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8")
        #expect(script.calls.map(\.attempt) == [0, 0, 0, 0, 0])

        let first = try body(script.calls[0], before)
        #expect(first.text.hasPrefix(#"{"ctx":{"attempt":0,"disable_immediate_execution":false,"env":"","#))
        #expect(first["steps"]?.text == "{}" && first["version"]?.integer == -1)
        #expect(first["use_api"]?.bool == false && first["ctx"]?["use_api"]?.bool == false)
        #expect(first["ctx"]?["stack"]?.text == #"{"current":0,"stack":[]}"#)
        #expect(first["ctx"]?["run_id"]?.string == ULID.text(world.runID))
        #expect(first["ctx"]?["fn_id"]?.string == "0b9e6f0e-0000-4000-8000-000000000001")
        #expect(first["ctx"]?["max_attempts"]?.integer == 5)
        #expect(first["ctx"]?["qi_id"]?.string.flatMap(RunLease.init(token:))?.run == world.runID)
        let ulid = ULID.text(try #require(UUID(uuidString: world.event.id)))
        let event = #"{"data":{"n":1},"id":"\#(ulid)","name":"test/begun","ts":1700000000000,"user":{}}"#
        #expect(first["event"]?.text == event && first["events"]?.text == "[\(event)]")

        let last = try body(script.calls[4], world)
        #expect(last["steps"]?[keys[1]]?.text == #"{"data":"b"}"#)
        #expect(last["steps"]?.member("1f4ea1")?.isNull == true)
        #expect(
            last["ctx"]?["stack"]?.text
                == "{\"current\":4,\"stack\":[\((keys + ["1f4ea1"]).map { "\"\($0)\"" }.joined(separator: ","))]}")
        #expect(last["version"]?.integer == 2)
    }

    @Test("Python: an error that its SDK marks as final, outside of the list of operations")
    func pythonNonRetriable() {
        var world = RemoteWorld()
        let text =
            #"{"code": "non_retriable_error", "message": "stop", "name": "NonRetriableError", "stack": "Traceback"}"#
        _ = world.play([
            ("step", .http(500, text, ["x-inngest-no-retry": "true", "x-inngest-sdk": "inngest-py:v0.5.19"]))
        ])
        #expect(
            world.failure
                == RunError(name: "NonRetriableError", message: "stop", code: "non_retriable_error", stack: "Traceback")
        )
    }

    @Test("TypeScript 3: version 1, planning, a serialized error, a step that fails for good")
    func typeScript3() {
        let headers = [
            "x-inngest-sdk": "inngest-js:v3.54.2", "x-inngest-req-version": "1", "x-inngest-no-retry": "false",
        ]
        func planned(_ ids: [String]) -> CallAnswer {
            let texts = ids.map {
                #"{"displayName":"\#($0)","op":"StepPlanned","id":"\#($0)","name":"\#($0)","opts":{"type":"step.run"},"userland":{"id":"\#($0)"}}"#
            }
            return .http(206, "[\(texts.joined(separator: ","))]", headers)
        }
        func ran(_ id: String) -> CallAnswer {
            .http(
                206,
                #"[{"id":"\#(id)","op":"StepRun","name":"\#(id)","displayName":"\#(id)","data":{"from":"\#(id)"}}]"#,
                headers)
        }
        let error =
            #"{"__serialized":true,"name":"TypeError","message":"bad","stack":"at x","cause":{"name":"Error","message":"why"}}"#
        var world = RemoteWorld()
        // The order in which the calls are answered: both steps, and the discoveries between them.
        let script = world.play([
            ("step", planned(["a", "b"])), ("a", ran("a")),
            ("b", .http(206, #"[{"id":"b","op":"StepFailed","error":\#(error)}]"#, headers)),
            ("step", .http(206, "[]", headers)), ("step", planned(["c"])), ("c", ran("c")),
            ("step", .http(200, #"{"ok":true}"#, headers)),
        ])
        #expect(world.outcome == .completed(output: #"{"ok":true}"#))
        #expect(script.calls.dropFirst().allSatisfy { $0.plansOnly && $0.version == 1 })
        let memo = script.calls.last?.memo.entries["b"]
        #expect(
            memo
                == #"{"error":{"__serialized":true,"cause":{"message":"why","name":"Error"},"message":"bad","name":"TypeError","stack":"at x"}}"#
        )
    }

    @Test("TypeScript 4: a streamed answer, and one that ends the run beside what was recorded on the way")
    func typeScript4() {
        let headers = ["x-inngest-sdk": "js:v4.18.1"]
        let inner = #"[{\"op\":\"StepRun\",\"id\":\"a\",\"data\":{\"x\":\"ü\"}}]"#
        let streamed =
            "   \n  {\"status\":206,\"headers\":{\"X-Inngest-Req-Version\":\"2\",\"x-inngest-sdk\":\"js:v4.18.1\"},\"body\":\"\(inner)\"}"
        var world = RemoteWorld()
        let script = world.play([
            ("step", .http(201, streamed, headers)),
            ("step", .http(206, #"[{"op":"RunComplete","id":"x","data":{"done":1}}]"#, headers)),
        ])
        #expect(world.outcome == .completed(output: #"{"done":1}"#))
        #expect(script.calls[1].memo.entries["a"] == #"{"data":{"x":"ü"}}"#)
        #expect(script.calls[1].version == 2)
    }

    @Test(
        "A streamed answer that is cut off is an error, and tried again",
        arguments: ["", "    ", "  {\"status\":206,", "{}"])
    func streamCut(text: String) {
        var world = RemoteWorld()
        world.options.retries = 0
        _ = world.play([("step", .http(201, text))])
        #expect(world.failure?.code == "invalid_answer")
    }

    @Test("Go: one operation instead of a list, durations of its own, errors kept as they are, streaming with retryAt")
    func go() throws {
        let headers = ["x-inngest-sdk": "go:v0.16.0", "x-inngest-req-version": "2"]
        var world = RemoteWorld()
        world.options.retries = 1
        let failed =
            #"{"op":"StepError","id":"a","name":"a","error":{"name":"Step failed","message":"no","data":null,"noRetry":false}}"#
        let stream =
            #"{"status":206,"body":[\#(failed)],"retryAt":"2023-11-14T22:14:20Z","noRetry":false,"headers":{}}"#
        let script = world.play([
            ("step", .http(201, stream, headers)), ("step", .http(206, "[\(failed)]", headers)),
            ("step", .http(206, #"{"op":"Sleep","id":"s","name":"nap","opts":{"duration":"1m0.5s"}}"#, headers)),
            (
                "step",
                .http(
                    206,
                    #"{"op":"InvokeFunction","id":"i","name":"call","opts":{"function_id":"shop-g","payload":{"data":{"a":1}},"timeout":"24h0m0s"}}"#,
                    headers)
            ),
            ("step", .http(200, "null", headers)),
        ])
        #expect(world.outcome == .completed(output: "null"))
        #expect(world.attempts.map { $0.retryAt.timeIntervalSince(RemoteWorld.start) } == [60])
        let memo = script.calls[2].memo.entries["a"]
        #expect(memo == #"{"error":{"data":null,"message":"no","name":"Step failed","noRetry":false}}"#)
        let sleep = world.memo.first { $0.step == "s" }
        let nap = try #require(sleep?.dueAt).timeIntervalSince(try #require(sleep?.startedAt))
        #expect(abs(nap - 60.5) < 0.001)
        #expect(world.commits.flatMap(\.openings).first?.invocation?.slug == "shop-g")
    }

    @Test("What is too large is fetched by the app, unless it is one that does not fetch")
    func fetched() throws {
        var world = RemoteWorld()
        world.limits.sentBytes = 100
        let large = "\"\(String(repeating: "x", count: 200))\""
        let script = world.play([
            Script.operations("[{\"op\":\"StepRun\",\"id\":\"a\",\"data\":\(large)}]"), Script.done,
        ])
        let call = script.calls[1]
        let body = try self.body(call, world)
        #expect(body["steps"]?.text == "{}" && body["use_api"]?.bool == true && body["ctx"]?["use_api"]?.bool == true)
        #expect(body["ctx"]?["stack"]?["stack"]?.text == "[\"a\"]")
        let go = try self.body(call, world, fetches: false)
        #expect(go["steps"]?["a"] != nil && go["use_api"]?.bool == false)
        world.limits.sentBytes = 10
        let tiny = try self.body(call, world)
        #expect(tiny["events"]?.text == "[]" && tiny["event"]?["data"] != nil)
    }

    @Test("Events about runs have the ids of the HTTP API; ids of senders stay what they are")
    func eventIDs() throws {
        let (run, event) = ("018bcfe5-6800-7000-8000-00000000000a", "018bcfe5-6800-7000-8000-00000000000b")
        let (runULID, eventULID) = (ULID.text(UUID(uuidString: run)!), ULID.text(UUID(uuidString: event)!))
        let data =
            #"{"run_id":"\#(run)","event":{"id":"\#(event)","name":"a/b","data":{"id":"\#(event)"}},"#
            + #""events":[{"id":"mine","name":"a/b","data":{}}],"error":{"message":"no"}}"#
        let recorded = RecordedEvent(
            id: "mine", name: "inngest/function.failed", dataJSON: data, timestamp: RemoteWorld.start)
        let json = try JSONValue(EventCoding.text(recorded))
        #expect(json["id"]?.string == "mine")
        #expect(json["data"]?["run_id"]?.string == runULID)
        #expect(json["data"]?["event"]?["id"]?.string == eventULID)
        #expect(json["data"]?["event"]?["data"]?["id"]?.string == event)
        #expect(json["data"]?["events"]?.elements?[0]["id"]?.string == "mine")
        let uuid4 = "018bcfe5-6800-4000-8000-00000000000b"
        #expect(EventCoding.publicID(uuid4) == uuid4)
    }
}

struct NoRecorder: RunRecorder {
    func commit(_ commit: RunCommit, of runID: UUID) async -> CommitAnswer { .refused }
}
