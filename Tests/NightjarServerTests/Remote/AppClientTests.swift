import Foundation
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import NightjarServer

@Suite("Calls over HTTP")
struct AppClientTests {
    private func with<T: Sendable>(
        isLong: Bool = false, _ handle: @escaping @Sendable (TestApp.Asked) async throws -> TestApp.Answer,
        _ body: @Sendable (TestApp, AppClient) async throws -> T
    ) async throws -> T {
        let client = AppClient()
        do {
            let result = try await TestApp.with(isLong: isLong, handle) { app in try await body(app, client) }
            await client.shutdown()
            return result
        } catch {
            await client.shutdown()
            throw error
        }
    }

    @Test("Connections are kept for the next call")
    func keepAlive() async throws {
        let ports = Mutex<Set<Int>>([])
        try await with { asked in
            _ = ports.withLock { $0.insert(asked.channel.remoteAddress?.port ?? 0) }
            return .sdk(200, "1")
        } _: { app, client in
            for _ in 0..<10 {
                _ = try await client.post(app.url, headers: [], body: [0x31], limits: RemoteLimits())
            }
        }
        let count = ports.withLock(\.count)
        #expect(count == 1)
    }

    @Test("Cancelling closes the connection of the call")
    func abort() async throws {
        let (asked, asking) = AsyncStream.makeStream(of: Void.self)
        let (closed, closing) = AsyncStream.makeStream(of: Void.self)
        try await with(isLong: true) { _ in
            asking.yield()
            // Ends with the connection.
            await Signal().untilCancelled()
            closing.yield()
            return .sdk(200, "1")
        } _: { app, client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await #expect(throws: CancellationError.self) {
                        try await client.post(app.url, headers: [], body: [], limits: RemoteLimits())
                    }
                }
                var askedAny = asked.makeAsyncIterator()
                await askedAny.next()
                group.cancelAll()
                try await group.waitForAll()
            }
            var closedAny = closed.makeAsyncIterator()
            let isClosed: Void? = await closedAny.next()
            #expect(isClosed != nil)
        }
    }

    @Test("Redirects get the original method, body, headers and query", arguments: [301, 302, 303, 307, 308])
    func redirects(status: Int) async throws {
        try await with { asked in
            if asked.uri.hasPrefix("/old") { return TestApp.Answer(status: status, headers: ["Location": "/new?k=1"]) }
            return .sdk(200, "\"\(asked.method) \(asked.uri) \(asked.headers["x-own"] ?? "") \(asked.body.count)\"")
        } _: { app, client in
            let answer = try await client.post(
                app.url + "/old?fnId=f&stepId=step", headers: [("X-Own", "me")], body: [1, 2, 3], limits: RemoteLimits()
            )
            #expect(answer.status == 200)
            let text = String(decoding: answer.body, as: UTF8.self)
            #expect(text == "\"POST /new?k=1&fnId=f&stepId=step me 3\"")
        }
    }

    @Test("Redirects in a circle end")
    func redirectCircle() async throws {
        try await with { _ in
            TestApp.Answer(status: 307, headers: ["Location": "/"])
        } _: { app, client in
            let error = await #expect(throws: AppClient.Failure.self) {
                try await client.post(app.url, headers: [], body: [], limits: RemoteLimits())
            }
            #expect(error?.code == "app_unreachable")
        }
    }

    @Test("An answer that is too large is not read to its end")
    func tooLarge() async throws {
        try await with { _ in
            .sdk(200, String(repeating: "x", count: 100_000))
        } _: { app, client in
            let limits = RemoteLimits(answerBytes: 10_000)
            let error = await #expect(throws: AppClient.Failure.self) {
                try await client.post(app.url, headers: [], body: [], limits: limits)
            }
            #expect(error?.code == "output_too_large")
        }
    }

    @Test("An app that takes too long")
    func tooSlow() async throws {
        try await with { _ in
            await Signal().untilCancelled()
            return .sdk(200, "1")
        } _: { app, client in
            let limits = RemoteLimits(callDuration: .milliseconds(50))
            let error = await #expect(throws: AppClient.Failure.self) {
                try await client.post(app.url, headers: [], body: [], limits: limits)
            }
            #expect(error?.code == "request_duration_too_long")
        }
    }

    @Test("Nobody there")
    func refused() async throws {
        let port = try await TestApp.with({ _ in .sdk(200, "1") }) { app in app.port }
        let client = AppClient()
        let error = await #expect(throws: AppClient.Failure.self) {
            try await client.post("http://127.0.0.1:\(port)/", headers: [], body: [], limits: RemoteLimits())
        }
        #expect(error?.code == "app_unreachable")
        let invalid = await #expect(throws: AppClient.Failure.self) {
            try await client.post("nonsense", headers: [], body: [], limits: RemoteLimits())
        }
        #expect(invalid?.code == "app_unreachable")
        await client.shutdown()
    }
}

extension RemoteLimits {
    fileprivate init(answerBytes: Int = 1 << 20, callDuration: Duration = .seconds(60)) {
        self.init()
        self.answerBytes = answerBytes
        self.callDuration = callDuration
    }
}
