import Foundation
import Logging
import NightjarCore
import PostgresClient
import Synchronization
import TestSupport
import Testing

@testable import Nightjar
@testable import NightjarServer

@Suite("Remote runs over HTTP")
struct RemoteCallerTests {
    /// Takes commits.
    final class Records: RunRecorder {
        let commits = Mutex<[RunCommit]>([])
        let answer: CommitAnswer

        init(answer: CommitAnswer = .accepted) { self.answer = answer }

        func commit(_ commit: RunCommit, of runID: UUID) async -> CommitAnswer {
            commits.withLock { $0.append(commit) }
            return answer
        }
    }

    private let keys = SigningKeys(try! SigningKey("signkey-test-0123456789abcdef"))

    private func execute(
        _ recorder: Records, sdk: String = "py:v0.5.19", options: FunctionOptions = FunctionOptions(),
        recorded: @escaping @Sendable () async throws -> [RecordedStep] = { [] },
        interrupted: @escaping @Sendable ([String]) -> Void = { _ in },
        handle: @escaping @Sendable (TestApp.Asked) async throws -> TestApp.Answer,
        beside: @escaping @Sendable () async -> Void = {}
    ) async throws -> RunResult {
        let client = AppClient()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let pool = PostgresPool(PostgresConfiguration(), logger: logger)
        let result = try await TestApp.with(handle) { app in
            let world = RemoteWorld()
            let function = RemoteFunction(
                id: 1, uuid: UUID(), slug: "shop-f", name: "f", title: "F", url: app.url + "/api?fnId=x",
                options: options)
            let remote = RemoteApp(id: 1, tenant: 1, name: "shop", url: app.url, sdk: sdk, functions: [function])
            let caller = RemoteCaller(
                remote, gate: CallGate(),
                environment: RemoteCaller.Environment(
                    client: client, gateway: Gateway(allowsPrivate: true), pool: pool, keys: { [keys] in keys }))
            let run = RunAssignment(
                functionID: 1, context: world.context, recorder: recorder, mailbox: RunMailbox(),
                lease: RunLease(run: world.runID, session: UUID(), epoch: 1, tenant: 1), logger: logger,
                interrupted: interrupted, recorded: recorded)
            return await withTaskGroup(of: RunResult?.self) { group in
                group.addTask { await caller.execute(run, of: function) }
                group.addTask {
                    await beside()
                    return nil
                }
                var result: RunResult?
                for await ended in group {
                    if let ended { result = ended } else if result == nil, ended == nil { continue }
                }
                return result ?? .abandoned
            }
        }
        await client.shutdown()
        await pool.close()
        return result
    }

    @Test("A run of two steps, signed; every header that the SDKs want is there")
    func conversation() async throws {
        let asked = Mutex<[TestApp.Asked]>([])
        let records = Records()
        let result = try await execute(records) { request in
            let count = asked.withLock { asked in
                asked.append(request)
                return asked.count
            }
            switch count {
            case 1: return .sdk(206, #"[{"op":"StepRun","id":"a","data":9007199254740993}]"#)
            case 2:
                return .sdk(
                    201,
                    "   {\"status\":206,\"headers\":{},\"body\":\"[{\\\"op\\\":\\\"StepRun\\\",\\\"id\\\":\\\"b\\\"}]\"}"
                )
            default: return .sdk(200, "{\"ok\":true}")
            }
        }
        #expect(result == .ended(.completed(output: "{\"ok\":true}")))
        let requests = asked.withLock { $0 }
        #expect(requests.map(\.uri) == Array(repeating: "/api?fnId=shop-f&stepId=step", count: 3))
        for request in requests {
            let signature = try #require(request.headers["x-inngest-signature"])
            let isVerified = keys.current.verifies(request: signature, body: request.body, now: Date())
            #expect(isVerified)
            #expect(request.headers["content-type"] == "application/json")
            #expect(request.headers["x-inngest-step-id"] == "step")
            for name in [
                "x-run-id", "x-request-id", "x-inngest-job-id", "x-inngest-generation-id", "traceparent", "user-agent",
            ] {
                #expect(request.headers[name]?.isEmpty == false, "\(name)")
            }
        }
        let versions = requests.map { $0.headers["x-inngest-req-version"] }
        #expect(versions == ["-1", "2", "2"])
        let last = String(decoding: requests[2].body, as: UTF8.self)
        #expect(last.contains(#""steps":{"a":{"data":9007199254740993},"b":{"data":null}}"#))
        let steps = records.commits.withLock { $0.flatMap(\.steps).map(\.step) }
        #expect(steps == ["a", "b"])
    }

    @Test("Cancelling stops the call, says once what it interrupted, and records nothing")
    func cancelled() async throws {
        let (asked, asking) = AsyncStream.makeStream(of: Void.self)
        let interruptions = Mutex<[[String]]>([])
        let records = Records()
        let task = Task {
            try await execute(
                records, interrupted: { steps in interruptions.withLock { $0.append(steps) } },
                handle: { request in
                    guard !request.uri.contains("stepId=step") else {
                        return .sdk(206, #"[{"op":"StepPlanned","id":"a"},{"op":"StepPlanned","id":"b"}]"#)
                    }
                    asking.yield()
                    await Signal().untilCancelled()
                    return .sdk(200, "1")
                })
        }
        var iterator = asked.makeAsyncIterator()
        await iterator.next()
        await iterator.next()
        task.cancel()
        let result = try await task.value
        #expect(result == .abandoned)
        let told = interruptions.withLock { $0 }
        #expect(told == [["a", "b"]])
        let commits = records.commits.withLock(\.count)
        #expect(commits == 0)
    }

    @Test("A refused commit stops everything")
    func refused() async throws {
        let interruptions = Mutex<[[String]]>([])
        let calls = Mutex(0)
        let result = try await execute(
            Records(answer: .refused), interrupted: { steps in interruptions.withLock { $0.append(steps) } },
            handle: { _ in
                calls.withLock { $0 += 1 }
                return .sdk(206, #"[{"op":"StepRun","id":"a"}]"#)
            })
        #expect(result == .refused)
        let told = interruptions.withLock { $0 }
        let count = calls.withLock { $0 }
        #expect(told == [[]] && count == 1)
    }

    @Test(
        "What an app recorded on the way is read before its answer counts",
        arguments: ["js:v4.18.1", "inngest-js:v4.0.0", "go:v0.16.0", "py:v0.5.19"])
    func checkpoints(sdk: String) async throws {
        let isFirst = Mutex(true)
        let records = Records()
        let result = try await execute(
            records, sdk: sdk,
            recorded: {
                [
                    RecordedStep(
                        step: "a", kind: .run, output: "1", startedAt: RemoteWorld.start, endedAt: RemoteWorld.start)
                ]
            },
            handle: { request in
                let wasFirst = isFirst.withLock { first in
                    defer { first = false }
                    return first
                }
                let body = String(decoding: request.body, as: UTF8.self)
                return wasFirst
                    ? .sdk(206, #"[{"op":"StepRun","id":"a","data":1}]"#)
                    : .sdk(200, body.contains("\"a\"") ? "1" : "2")
            })
        #expect(result == .ended(.completed(output: "1")))
        let steps = records.commits.withLock { $0.flatMap(\.steps).map(\.step) }
        #expect(steps == (sdk.hasPrefix("py") ? ["a"] : []))
    }

    @Test(
        "Garbage of all kinds fails the run, and nothing else",
        arguments: [
            TestApp.Answer(status: 200, headers: [:], body: "hello"), .sdk(206, "{"), .sdk(201, "x"), .sdk(999, "?"),
            .sdk(204, ""), .sdk(206, "[[[]]]"), .sdk(500, "\u{0}\u{1}"),
        ])
    func garbage(answer: TestApp.Answer) async throws {
        var options = FunctionOptions()
        options.retries = .never
        let result = try await execute(Records(), options: options, handle: { _ in answer })
        guard case .ended(.failed(let error)) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(!error.message.isEmpty)
    }

    @Test("Output with what PostgreSQL cannot hold")
    func unstorable() async throws {
        let result = try await execute(Records(), handle: { _ in .sdk(200, #"{"a\u0000":"\ud800"}"#) })
        #expect(result == .ended(.completed(output: "{\"a\u{FFFD}\":\"\u{FFFD}\"}")))
    }
}
