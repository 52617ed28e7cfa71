import Foundation
import NightjarCore
import Synchronization
import Testing

@testable import Nightjar
@testable import NightjarServer

@Suite("Signals and apps over HTTP", .timeLimit(.minutes(5)))
struct SignalRoutesTests {
    @Test("A signal answers the step that waits for it; nobody waiting is told")
    func signal() async throws {
        let arrived = Mutex<JSON>(nil)
        try await HeldRun.with(execute: { run in
            let step = "wait"
            if let arrival = run.context.arrivals.first(where: { $0.step == step }) {
                arrived.withLock { $0 = (try? JSONCoding.value(JSON.self, from: arrival.output ?? "")) ?? nil }
                let now = Date()
                _ = await run.recorder.commit(
                    RunCommit(
                        steps: [
                            RecordedStep(step: step, kind: .waitForSignal, output: "null", startedAt: now, endedAt: now)
                        ],
                        mail: run.context.mail, next: .end(.completed(output: "null"))), of: run.context.runID)
                return .ended(.completed(output: "null"))
            }
            let due = Date().addingTimeInterval(3_600)
            let match = Match(
                try! FieldPath("data.waiter"), equals: .string("\(run.context.runID.uuidString.lowercased()).\(step)"))
            let opening = OpenStep(
                step: step, name: "wait", kind: .waitForSignal,
                wait: EventWait(event: "inngest/signal.sent", branches: match.branches), dueAt: due, startedAt: Date())
            _ = await run.recorder.commit(
                RunCommit(openings: [opening], mail: run.context.mail, next: .park(until: due, reason: .waiting)),
                of: run.context.runID)
            return .parked(until: due)
        }) { held in
            let early = try await held.server.post("/v1/signals", ["signal": "other", "data": 1])
            #expect(early.status == 404)
            try await held.server.run(held.id, "waits") { $0["state"]?.string == "waiting" }
            let claimed = try await held.server.services.pool.query(
                "SELECT nightjar.claim_signal('go', $1, 'wait', false)", [held.run]
            ) { try $0.decode(0, as: Bool.self) }
            #expect(claimed == [true])
            let answer = try await held.server.post("/v1/signals", ["signal": "go", "data": ["yes": true]])
            #expect(answer.status == 200, "\(answer.text)")
            try OpenAPITests.check(answer, "post", "/v1/signals")
            #expect(answer.data["run_id"]?.string == held.id)
            try await held.server.run(held.id, isStatus: "Completed")
            #expect(arrived.withLock { $0 }["data"]?["data"] == ["yes": true])
            let late = try await held.server.post("/v1/signals", ["signal": "go"])
            #expect(late.status == 404)
            for body in [[:], ["signal": ""], ["signal": 1], [], ["signal": "go", "data": "\0"]] as [JSON] {
                let bad = try await held.server.post("/v1/signals", body)
                #expect(bad.status == 400 || body["data"] != nil && bad.status == 404, "\(body)")
            }
        }
    }

    @Test("The functions of an app are a list without an envelope")
    func functions() async throws {
        try await HeldRun.with(execute: HeldRun.untilCancelled) { held in
            let functions = try await held.server.get("/v1/apps/app/functions")
            #expect(functions.status == 200)
            let function = functions.body[0]
            #expect(functions.body.array?.count == 1)
            #expect(function?["slug"]?.string == "app-fn")
            #expect(function?["name"]?.string == "The function")
            #expect(function?["triggers"] == [["event": "api/go"]])
            #expect(function?["id"]?.string.flatMap(UUID.init) != nil)
            let missing = try await held.server.get("/v1/apps/none/functions")
            #expect(missing.status == 404)
        }
    }

    @Test("What is published in realtime is taken and dropped; a token is refused plainly")
    func realtime() async throws {
        try await APIServer.with([]) { server in
            let published = try await server.post("/v1/realtime/publish?channel=c&topic=t", ["any": "thing"])
            #expect(published.status == 200)
            #expect(published.data["published"] == false)
            let token = try await server.post("/v1/realtime/token", [["channel": "c", "name": "t", "kind": "run"]])
            #expect(token.status == 422)
            #expect(token.body["error"]?.string?.contains("realtime") == true)
        }
    }
}
