import Foundation
import Logging
import NightjarTesting
import Synchronization
import TestSupport
import Testing

@testable import Nightjar
@testable import NightjarServer

/// A run of a remote app, held by a worker until the test lets it go.
struct HeldRun: Sendable {
    let server: APIServer
    let run: UUID
    let lease: RunLease

    /// Takes a run of the function `app/fn`, and does with it what `execute` says.
    static func with<T: Sendable>(
        execute: @escaping @Sendable (RunAssignment) async -> RunResult,
        _ body: @escaping @Sendable (HeldRun) async throws -> T
    ) async throws -> T {
        try await APIServer.with([]) { server in
            let options = try FunctionOptions().canonicalJSON()
            try await server.services.pool.execute(
                "SELECT * FROM nightjar.sync($1)",
                [
                    PostgresJSON(
                        """
                        {"name": "app", "url": "http://127.0.0.1:1", "sdk": "py:v0", "checksum": "1", "functions": [
                          {"name": "fn", "title": "The function", "options": \(options), "triggers": [{"event": "api/go"}],
                           "url": "http://127.0.0.1:1", "cancel": []}]}
                        """)
                ])
            let taken = Taken()
            let worker = RemoteWorker(
                database: server.database.configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            ) { _, _, _ in
                Caller { run in
                    taken.lease.withLock { $0 = run.lease }
                    return await execute(run)
                }
            }
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await worker.run() }
                defer { group.cancelAll() }
                let run = try #require(ULID.id(try await server.start("api/go")))
                try await eventually("the worker has the run") { taken.lease.withLock { $0 } != nil }
                let lease = try #require(taken.lease.withLock { $0 })
                return try await body(HeldRun(server: server, run: run, lease: lease))
            }
        }
    }

    private final class Taken: Sendable {
        let lease = Mutex<RunLease?>(nil)
    }

    private struct Caller: AppCaller {
        let body: @Sendable (RunAssignment) async -> RunResult

        func execute(_ run: RunAssignment, of: RemoteFunction) async -> RunResult { await body(run) }
    }

    /// Goes on until the task is cancelled.
    static let untilCancelled: @Sendable (RunAssignment) async -> RunResult = { _ in
        await Signal().untilCancelled()
        return .abandoned
    }

    var id: String { ULID.text(run) }

    func checkpoint(_ steps: JSON, lease: RunLease? = nil, _ more: [String: JSON] = [:]) async throws
        -> APIServer.Answer
    {
        let body: [String: JSON] = [
            "run_id": .string(id), "qi_id": .string((lease ?? self.lease).token), "fn_id": "x", "steps": steps,
            "request_id": "r", "generation_id": 1, "ts": 1,
        ]
        return try await server.post("/v1/checkpoint/\(id)/async", .object(body.merging(more) { _, new in new }))
    }
}

@Suite("Checkpoints", .timeLimit(.minutes(5)))
struct CheckpointRoutesTests {
    private let one: JSON = [
        "op": "StepRun", "id": "86f7e4", "name": "a", "displayName": "A step", "data": ["x": 1],
        "timing": ["a": 1_760_000_000_000_000_000, "b": 5_000_000],
    ]

    @Test("Steps are recorded under the lease, all of them, once")
    func records() async throws {
        let one = one
        try await HeldRun.with(execute: HeldRun.untilCancelled) { held in
            let two: JSON = ["op": "StepRun", "id": "2", "name": "b", "data": nil, "opts": ["type": "step.sendEvent"]]
            let three: JSON = [
                "op": "StepFailed", "id": "3", "name": "c", "error": ["name": "E", "message": "no", "data": nil],
            ]
            let answer = try await held.checkpoint([one, two, three])
            #expect(answer.status == 200, "\(answer.text)")
            try OpenAPITests.check(answer, "post", "/v1/checkpoint/{id}/async")
            let again = try await held.checkpoint([one, one])
            #expect(again.status == 200, "what is recorded already stays as it is")
            let steps = try await held.server.get("/v1/runs/\(held.id)/steps").data["steps"]?.array ?? []
            #expect(Set(steps.map { $0["name"]?.string }) == ["A step", "b", "c"])
            #expect(Set(steps.map { $0["status"]?.string }) == ["Completed", "Failed"])
            let memo = try await held.server.get("/v0/runs/\(held.id)/actions")
            #expect(memo.status == 200)
            #expect(
                memo.body == [
                    "86f7e4": ["data": ["x": 1]], "2": ["data": nil],
                    "3": ["error": ["name": "E", "message": "no", "data": nil]],
                ])
            let batch = try await held.server.get("/v0/runs/\(held.id)/batch").body
            #expect(batch.array?.count == 1)
            #expect(batch[0]?["name"]?.string == "api/go")
            #expect(batch[0]?["user"] == [:])
        }
    }

    @Test("A call that has lost its run records nothing")
    func fence() async throws {
        let one = one
        try await HeldRun.with(execute: HeldRun.untilCancelled) { held in
            var other = held.lease
            other.epoch += 1
            let stale = try await held.checkpoint([one], lease: other)
            #expect(stale.status == 409)
            try OpenAPITests.check(stale, "post", "/v1/checkpoint/{id}/async")
            #expect(stale.body["code"]?.string == "stale_dispatch")
            var foreign = held.lease
            foreign.session = UUID()
            let foreignAnswer = try await held.checkpoint([one], lease: foreign)
            #expect(foreignAnswer.status == 409)
            _ = try await held.server.delete("/v1/runs/\(held.id)")
            let cancelled = try await held.checkpoint([one])
            #expect(cancelled.status == 409, "from the cancel on, also before it is applied")
            try await held.server.run(held.id, isStatus: "Cancelled")
            let steps = try await held.server.get("/v1/runs/\(held.id)/steps").data["steps"]
            #expect(steps == [])
            for path in ["actions", "batch"] {
                let gone = try await held.server.get("/v0/runs/\(held.id)/\(path)")
                #expect(gone.status == 410)
            }
            let late = try await held.server.delete("/v0/runs/\(held.id)")
            #expect(late.status == 409)
        }
    }

    @Test("What cannot be recorded is refused, and nothing of the request is recorded")
    func refusals() async throws {
        let one = one
        try await HeldRun.with(execute: HeldRun.untilCancelled) { held in
            let large: JSON = ["op": "StepRun", "id": "l", "data": .string(String(repeating: "x", count: 5 << 20))]
            let cases: [(JSON, [String: JSON], Int)] = [
                ([one, ["op": "Sleep", "id": "2"]], [:], 400), ([one, ["op": "StepError", "id": "2"]], [:], 400),
                ([one, ["op": "StepPlanned", "id": "2"]], [:], 400), ([one, ["op": "StepRun"]], [:], 400),
                ([one, ["id": "2"]], [:], 400), ([one, 1], [:], 400), ([one, large], [:], 413), (nil, [:], 400),
                ([one, ["op": "StepRun", "id": "n", "data": "\0"]], [:], 400),
                ([one], ["qi_id": nil], 400), ([one], ["qi_id": "nonsense"], 400),
                ([one], ["run_id": .string(ULID.text(UUID()))], 400),
            ]
            for (steps, more, status) in cases {
                let answer = try await held.checkpoint(steps, more)
                #expect(answer.status == status, "\(answer.text)")
            }
            let steps = try await held.server.get("/v1/runs/\(held.id)/steps").data["steps"]
            #expect(steps == [])
            let other = try await held.server.request("POST", "/v1/checkpoint/\(ULID.text(UUID()))/async", body: "{}")
            #expect(other.status == 400)
            for path in ["/v1/checkpoint", "/v1/http/runs", "/v1/checkpoint/\(held.id)/steps"] {
                let answer = try await held.server.post(path, [:])
                #expect(answer.status == 422, "\(path)")
                #expect(answer.body["code"]?.string == "not_implemented")
            }
        }
    }

    @Test("A run that a worker executes is cancelled by the old API as well")
    func oldCancel() async throws {
        try await HeldRun.with(execute: HeldRun.untilCancelled) { held in
            let answer = try await held.server.delete("/v0/runs/\(held.id)")
            #expect(answer.status == 204)
            try await held.server.run(held.id, isStatus: "Cancelled")
            let missing = try await held.server.delete("/v0/runs/\(ULID.text(UUID()))")
            #expect(missing.status == 404)
        }
    }
}
