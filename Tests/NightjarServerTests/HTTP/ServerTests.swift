import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Nightjar
import NightjarTesting
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import NightjarServer

@Suite("The server", .timeLimit(.minutes(5)))
struct ServerTests {
    @Test("liveness, readiness, what is where, and what is not")
    func status() async throws {
        try await APIServer.with([]) { server in
            #expect(try await server.raw("GET", "/health").json == ["status": "ok"])
            #expect(try await server.raw("GET", "/ready").json == ["status": "ready"])
            #expect(try await server.raw("GET", "/").json == ["service": "nightjar", "kind": "dev"])
            let missing = try await server.raw("GET", "/v1/nowhere")
            #expect(missing.status == 404 && missing.json["code"] == "not_found" && missing.json["status"] == 404)
            let method = try await server.raw("DELETE", "/e/x")
            #expect(method.status == 405 && method.headers.first(name: "allow") == "POST")
            #expect(method.json["error"]?.string?.contains("POST") == true)
            #expect(try await server.raw("HEAD", "/health").status == 200)
            let dev = try await server.raw("GET", "/dev").json
            #expect(dev["functions"] == [] && dev["handlers"] == [] && dev["startOpts"] == [:])
            #expect(try await server.raw("POST", "/v0/connect/start").status == 200, "as test helpers ask")
            #expect(try await server.raw("POST", "/v0/connect/start", [1]).status == 501)
            try await server.services.pool.execute("DELETE FROM nightjar.migrations WHERE version = 1")
            let old = try await server.raw("GET", "/ready")
            #expect(old.status == 503 && old.json["error"]?.string?.contains("nightjar migrate") == true)
        }
    }

    @Test("ids of requests are taken or made; pages of other origins may send events")
    func headers() async throws {
        try await APIServer.with([]) { server in
            let taken = try await server.raw("GET", "/health", headers: [("x-request-id", "abc-1")])
            #expect(taken.headers.first(name: "x-request-id") == "abc-1")
            let made = try await server.raw("GET", "/health", headers: [("x-request-id", "a b\"")])
            #expect(made.headers.first(name: "x-request-id").map { !$0.contains(" ") && $0.count > 8 } == true)
            let ask = [("origin", "https://shop.example"), ("access-control-request-headers", "x-a, x-b")]
            let preflight = try await server.raw("OPTIONS", "/e/key", headers: ask)
            #expect(preflight.status == 204)
            #expect(preflight.headers.first(name: "access-control-allow-origin") == "https://shop.example")
            #expect(preflight.headers.first(name: "access-control-allow-headers") == "x-a, x-b")
            let refused = try await server.events("{}", headers: [("origin", "https://shop.example")])
            #expect(refused.status == 400)
            #expect(refused.headers.first(name: "access-control-allow-origin") == "https://shop.example")
            #expect(refused.headers.first(name: "access-control-allow-credentials") == nil)
            #expect(
                try await server.raw("GET", "/v1/events", headers: ask).headers.first(
                    name: "access-control-allow-origin") == nil)
        }
    }

    @Test("the log of requests has their paths without event keys, queries and bodies")
    func log() async throws {
        try await TestDatabase.with { database in
            let log = LoggedLines(from: .trace)
            try await Self.serve(database, logger: log.logger) { port, _ in
                for path in [
                    "/e/sesame-key", "/e/sesame-key/more", "/v1/events?name=sesame-query", "/nope?x=sesame-query",
                ] {
                    var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
                    request.method = .POST
                    request.headers.add(name: "authorization", value: "Bearer sesame-token")
                    request.body = .bytes(ByteBuffer(string: "{\"name\":\"sesame-body\"}"))
                    _ = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
                }
            }
            let lines = log.lines
            let requests = lines.filter { $0.hasPrefix("request ") }
            #expect(requests.count == 4)
            #expect(
                requests.allSatisfy {
                    $0.contains("status=") && $0.contains("method=POST") && $0.contains("milliseconds=")
                })
            #expect(requests.contains { $0.contains("path=/e/…") })
            #expect(!lines.contains { $0.contains("sesame") }, "\(lines)")
        }
    }

    @Test("a request in flight is finished when the server shuts down; then it listens no more")
    func shutdown() async throws {
        try await TestDatabase.with { database in
            let blocker = PostgresSession(database.configuration, logger: .init(label: "test"))
            let status = try await Self.serve(database) { port, group in
                try await blocker.run { db in try db.script("BEGIN; LOCK TABLE nightjar.events IN SHARE MODE") }
                async let answer = Self.post("http://127.0.0.1:\(port)/e/x", "{\"name\":\"a\"}")
                try await eventually("the event waits for the lock") {
                    try await blocker.run { db in
                        try db.query(
                            """
                            SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                            WHERE NOT l.granted AND d.datname = current_database() AND l.relation = 'nightjar.events'::regclass
                            """
                        )[0].decode(0, as: Int64.self) > 0
                    }
                }
                await group.triggerGracefulShutdown()
                try await blocker.run { db in try db.script("COMMIT") }
                let status = try await answer
                // Another test's server may have got the port meanwhile, and ends as well.
                try await eventually("nobody listens", within: .seconds(120)) {
                    do { _ = try await Self.post("http://127.0.0.1:\(port)/e/x", "{}") } catch { return true }
                    return false
                }
                return status
            }
            #expect(status == 200)
            let stored = try await blocker.run { db in
                try db.query("SELECT count(*) FROM nightjar.events")[0].decode(0, as: Int64.self)
            }
            #expect(stored == 1)
            await blocker.close()
        }
    }

    @Test("TLS")
    func tls() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "nightjar-tls-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let (certificate, key) = (directory.appending(path: "c.pem").path, directory.appending(path: "k.pem").path)
        let openssl = Process()
        openssl.executableURL = URL(filePath: "/usr/bin/env")
        openssl.arguments = [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate,
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        try await TestDatabase.with { database in
            try await Self.serve(database, configure: { $0.tls = (certificate, key) }) { port, _ in
                var configuration = HTTPClient.Configuration()
                var trust = TLSConfiguration.makeClientConfiguration()
                trust.trustRoots = .file(certificate)
                configuration.tlsConfiguration = trust
                let client = HTTPClient(configuration: configuration)
                do {
                    let request = HTTPClientRequest(url: "https://localhost:\(port)/ready")
                    let answer = try await client.execute(request, timeout: .seconds(30))
                    #expect(answer.status == .ok)
                } catch { Issue.record(error) }
                try await client.shutdown()
                // Another test's server may have got the port meanwhile, and ends as well.
                try await eventually("nobody listens", within: .seconds(120)) {
                    do { _ = try await Self.post("http://127.0.0.1:\(port)/e/x", "{}") } catch { return true }
                    return false
                }
            }
        }
    }

    @Test("a port that is in use, and a schema that is not there: said at the start")
    func start() async throws {
        try await TestDatabase.with { database in
            try await Self.serve(database) { port, _ in
                let error = await #expect(throws: NightjarError.self) {
                    try await Self.serve(database, configure: { $0.port = port }) { _, _ in }
                }
                #expect(error?.message.contains("\(port)") == true)
            }
            let session = PostgresSession(database.configuration, logger: .init(label: "test"))
            try await session.run { db in try db.script("DROP SCHEMA nightjar, nightjar_report CASCADE") }
            await session.close()
            let error = await #expect(throws: NightjarError.self) { try await Self.serve(database) { _, _ in } }
            #expect(error?.code == .schemaMissing)
        }
    }

    @Test(
        "what is no HTTP, and headers that are too large: answered as JSON",
        arguments: [
            ("NONSENSE\r\n\r\n", 400), ("GET / HTTP/9.9\r\n\r\n", 400), ("GET /\u{1} HTTP/1.1\r\n\r\n", 400),
            ("POST /e/x HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: 40_000))\r\n\r\n", 431),
        ])
    func parser(_ text: String, _ status: Int) async throws {
        try await APIServer.with([]) { server in
            let answer = try await Self.exchange(server.port, text)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
            #expect(answer.contains("\"error\":"), "\(answer)")
            #expect(try await server.raw("GET", "/health").status == 200)
        }
    }

    /// Writes to a connection, and reads until the server closes it.
    private static func exchange(_ port: Int, _ text: String) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            var answer = ByteBuffer()
            do { for try await part in inbound { answer.writeImmutableBuffer(part) } } catch is IOError {}
            return String(buffer: answer)
        }
    }

    @Test("more requests at once than are taken: 503, and when to come back")
    func overloaded() async throws {
        try await APIServer.with([], configure: { $0.requestLimit = 0 }) { server in
            let answer = try await server.raw("GET", "/health")
            #expect(answer.status == 503 && answer.headers.first(name: "retry-after") == "1")
            #expect(answer.json["code"] == "overloaded")
        }
    }

    // MARK: - Processes

    /// Runs a whole server process for the duration of a closure, and shuts it down in good order.
    private static func serve<T: Sendable>(
        _ database: TestDatabase, logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        configure: (inout ServerConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (Int, ServiceGroup) async throws -> T
    ) async throws -> T {
        var configuration = ServerConfiguration()
        configuration.port = 0
        configuration.executes = false
        configure(&configuration)
        let (ports, found) = AsyncStream<Int>.makeStream()
        let process = ServerProcess(database: database.configuration, configuration: configuration, logger: logger) {
            _, port in
            found.yield(port)
        }
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let group = ServiceGroup(configuration: .init(services: [.init(service: process)], logger: quiet))
        async let running: Void = {
            defer { found.finish() }
            try await group.run()
        }()
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else {
            try await running
            throw CancellationError()
        }
        let result: Result<T, any Error>
        do { result = .success(try await body(port, group)) } catch { result = .failure(error) }
        await group.triggerGracefulShutdown()
        try await running
        return try result.get()
    }

    private static func post(_ url: String, _ body: String) async throws -> Int {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.body = .bytes(ByteBuffer(string: body))
        return Int(try await HTTPClient.shared.execute(request, timeout: .seconds(30)).status.code)
    }
}
