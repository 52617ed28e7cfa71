import Foundation
import HTTPTypes
import Hummingbird
import Logging
import Nightjar
import Synchronization
import Testing

@testable import NightjarServer

@Suite("Asking apps to register", .timeLimit(.minutes(5)))
struct AppSyncTests {
    /// An app that answers PUTs as it is told, and keeps what it was asked.
    private final class FakeApp: Sendable {
        struct Asked: Sendable {
            var body: [UInt8]
            var headers: HTTPFields
        }
        let asked = Mutex<[Asked]>([])
        let answer: @Sendable (Asked) -> Response

        init(_ answer: @escaping @Sendable (Asked) -> Response) { self.answer = answer }

        func run<T: Sendable>(_ body: @escaping @Sendable (String) async throws -> T) async throws -> T {
            let router = Router()
            router.put("api/inngest") { request, _ in
                let asked = Asked(
                    body: Array(buffer: try await request.body.collect(upTo: 1 << 20)), headers: request.headers)
                self.asked.withLock { $0.append(asked) }
                return self.answer(asked)
            }
            let (ports, found) = AsyncStream<Int>.makeStream()
            let application = Application(
                router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
                onServerRunning: { found.yield($0.localAddress?.port ?? 0) },
                logger: Logger(label: "app") { _ in SwiftLogNoOpLogHandler() })
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await application.run() }
                defer { group.cancelAll() }
                var iterator = ports.makeAsyncIterator()
                let port = await iterator.next() ?? 0
                return try await body("http://127.0.0.1:\(port)/api/inngest")
            }
        }
    }

    private static let key = "signkey-test-00112233"

    private static func inBand(signedWith key: String?) throws -> Response {
        let body = try JSONCoding.text(
            [
                "app_id": "shop", "functions": [AppConfigTests.function()], "url": "http://127.0.0.1:9/x",
                "sdk": "js:v4.18.1",
                "framework": "express",
            ] as JSON)
        var headers: HTTPFields = [.init("x-inngest-sync-kind")!: "in_band"]
        if let key {
            headers[.init("X-Inngest-Signature")!] = try SigningKey(key).signature(
                ofCanonical: Array(body.utf8), at: Date())
        }
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(string: body)))
    }

    @Test("in-band: a signed question, a signed answer with the functions")
    func inBand() async throws {
        try await APIServer.with([], configure: { $0.keys.signing = try? SigningKeys(SigningKey(Self.key)) }) {
            server in
            let app = FakeApp { _ in (try? Self.inBand(signedWith: Self.key)) ?? Response(status: .badGateway) }
            let outcome = try await app.run { url in try await server.services.appSync.sync(url) }
            #expect(outcome?.isModified == true)
            #expect(try await server.number("SELECT count(*) FROM nightjar.functions") == 1)
            let asked = try #require(app.asked.withLock { $0.first })
            #expect(asked.headers[.init("X-Inngest-Server-Kind")!] == "cloud")
            let signature = try #require(asked.headers[.init("X-Inngest-Signature")!])
            #expect(try SigningKey(Self.key).verifies(request: signature, body: asked.body, now: Date()))
        }
    }

    @Test(
        "in-band: an answer that is not signed, or with another key, is refused", arguments: [nil, "signkey-test-aabb"])
    func forged(_ key: String?) async throws {
        try await APIServer.with([], configure: { $0.keys.signing = try? SigningKeys(SigningKey(Self.key)) }) {
            server in
            let app = FakeApp { _ in (try? Self.inBand(signedWith: key)) ?? Response(status: .badGateway) }
            let error = await #expect(throws: AppSync.Failure.self) {
                try await app.run { url in try await server.services.appSync.sync(url) }
            }
            #expect(error?.description.contains("not signed") == true)
            let functions = try await server.number("SELECT count(*) FROM nightjar.functions")
            #expect(functions == 0)
        }
    }

    @Test("out-of-band: an app that does not know the other kind is asked again without it")
    func outOfBand() async throws {
        try await APIServer.with([]) { server in
            let app = FakeApp { asked in
                asked.headers[.init("x-inngest-sync-kind")!] == nil
                    ? Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: "{\"ok\":true}")))
                    : Response(status: .badRequest)
            }
            let outcome = try await app.run { url in try await server.services.appSync.sync(url) }
            #expect(outcome == nil)
            #expect(app.asked.withLock { $0.count } == 2)
        }
    }

    @Test("an app that is not there, or answers with an error")
    func failing() async throws {
        try await APIServer.with([]) { server in
            let gone = await #expect(throws: AppSync.Failure.self) {
                try await server.services.appSync.sync("http://127.0.0.1:1/x")
            }
            #expect(gone?.isUnreachable == true)
            let app = FakeApp { _ in
                Response(status: .internalServerError, body: .init(byteBuffer: ByteBuffer(string: "it went wrong")))
            }
            let error = await #expect(throws: AppSync.Failure.self) {
                try await app.run { url in try await server.services.appSync.sync(url) }
            }
            #expect(error?.description.contains("it went wrong") == true)
        }
    }
}
