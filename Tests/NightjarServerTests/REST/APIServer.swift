import AsyncHTTPClient
import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NightjarTesting
import Synchronization
import TestSupport
import Testing

@testable import Nightjar
@testable import NightjarServer

/// A server over a database of its own, with a worker of native functions, for the duration of a closure.
struct APIServer: Sendable {
    let database: TestDatabase
    let services: ServerServices
    let port: Int

    var client: Client { services.client }

    static func with<T: Sendable>(
        _ functions: [FunctionDefinition] = APIFunctions.all, tenant: String? = nil,
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        prepare: @Sendable (TestDatabase) async throws -> Void = { _ in },
        configure: (inout ServerConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (APIServer) async throws -> T
    ) async throws -> T {
        var configuration = ServerConfiguration()
        configuration.port = 0
        configure(&configuration)
        return try await TestDatabase.with { [configuration] database in
            try await prepare(database)
            var connecting = database.configuration
            if let tenant { connecting.settings["nightjar.tenant"] = tenant }
            let pool = PostgresPool(
                connecting.forRequests, configuration: PostgresPool.Configuration().forRequests, logger: logger)
            let acting = try await pool.withConnection { db in try ServerTenant.read(db) }
            let services = ServerServices(
                pool: pool, configuration: configuration, tenant: acting.id, logger: logger)
            let (ports, found) = AsyncStream<Int>.makeStream()
            let result = try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await Server(services: services, onListening: { found.yield($0) }).run() }
                if !functions.isEmpty {
                    var settings = WorkerConfiguration()
                    settings.gracePeriod = .seconds(2)
                    settings.sessionTimeToLive = .seconds(120)
                    let worker = Worker(
                        app: "shop", functions: functions, database: database.configuration, configuration: settings,
                        logger: logger)
                    group.addTask { try await worker.run() }
                }
                defer { group.cancelAll() }
                var iterator = ports.makeAsyncIterator()
                let server = APIServer(database: database, services: services, port: await iterator.next() ?? 0)
                try await server.registered(functions.count)
                return try await body(server)
            }
            await pool.close()
            return result
        }
    }

    /// Events that are sent before a function is registered start nothing.
    private func registered(_ count: Int) async throws {
        try await eventually("the functions are registered") {
            try await services.pool.query("SELECT count(*) FROM nightjar.functions") {
                try $0.decode(0, as: Int64.self)
            }
                == [Int64(count)]
        }
    }

    // MARK: - Requests

    struct Answer: Sendable {
        var status: Int
        var body: JSON
        var text: String

        var data: JSON { body["data"] ?? nil }
    }

    func request(
        _ method: String, _ path: String, body: String? = nil, headers: [String: String] = [:]
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = .init(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let text = String(buffer: try await response.body.collect(upTo: 64 << 20))
        let json = text.isEmpty ? nil : try? JSONCoding.value(JSON.self, from: text)
        return Answer(status: Int(response.status.code), body: json ?? nil, text: text)
    }

    func get(_ path: String) async throws -> Answer { try await request("GET", path) }

    func post(_ path: String, _ body: JSON) async throws -> Answer {
        try await request("POST", path, body: JSONCoding.text(body))
    }

    func delete(_ path: String) async throws -> Answer { try await request("DELETE", path) }

    func graphQL(_ query: String, _ variables: JSON = nil) async throws -> JSON {
        let answer = try await post("/v0/gql", ["query": .string(query), "variables": variables])
        #expect(answer.status == 200, "\(answer.text)")
        return answer.body
    }

    // MARK: - Facts

    /// Sends an event; answers its id.
    func send(_ name: String, _ data: JSON = [:], id: String? = nil) async throws -> String {
        let eventID = try await client.store([
            StorableEvent(
                eventID: UUIDv7.make(), key: nil, tenant: 1, name: name, dataJSON: JSONCoding.text(data), userJSON: nil,
                id: id, timestamp: nil)
        ])[0]
        return ULID.text(eventID)
    }

    /// Sends an event that starts a run; answers the run's id.
    func start(_ name: String, _ data: JSON = [:]) async throws -> String {
        let event = try await send(name, data)
        let runs = try await get("/v1/events/\(event)/runs").data
        return try #require(runs[0]?["run_id"]?.string)
    }

    /// Waits until a run stands as is said; answers it.
    @discardableResult
    func run(_ id: String, isStatus status: String) async throws -> JSON {
        try await run(id, "is \(status)") { $0["status"]?.string == status }
    }

    @discardableResult
    func run(_ id: String, _ what: String, _ isTrue: @Sendable (JSON) -> Bool) async throws -> JSON {
        let last = Mutex<JSON>(nil)
        try await eventually("run \(id) \(what)") {
            let run = try await get("/v1/runs/\(id)").data
            last.withLock { $0 = run }
            return isTrue(run)
        }
        return last.withLock { $0 }
    }
}
