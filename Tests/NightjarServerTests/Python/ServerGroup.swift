import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NightjarTesting
import PostgresClient
import Synchronization
import TestSupport
import Testing

/// A database, a `nightjar serve` and two `nightjar work`, as real processes, and programs in Python that use them.
final class ServerGroup: Sendable {
    /// The keys of a server that has some.
    struct Keys: Sendable {
        var signing = "signkey-test-" + String(repeating: "0123456789abcdef", count: 4)
        var event = "event-key-of-the-tests"
    }

    private struct State {
        var server: ChildProgram?
        var workers: [ChildProgram] = []
    }

    let database: TestDatabase
    let url: String
    let keys: Keys?
    private let port: Int
    /// Of an app that the server is told of, and that a test may start.
    private let appURL: String
    private let python: URL
    private let logs: URL
    private let state = Mutex(State())

    /// Starts all of it, lends it to `body` and ends it.
    static func with<T: Sendable>(keys: Keys? = nil, _ body: (ServerGroup) async throws -> T) async throws -> T {
        let python = try await PythonEnvironment.python()
        return try await TestDatabase.with { database in
            try await Programs.withDirectory { logs in
                let group = try ServerGroup(database: database, keys: keys, python: python, logs: logs)
                do {
                    try await group.startServer()
                    for worker in 0..<2 { try group.startWorker(worker) }
                    let result = try await body(group)
                    try await group.end()
                    return result
                } catch {
                    group.kill()
                    throw error
                }
            }
        }
    }

    private init(database: TestDatabase, keys: Keys?, python: URL, logs: URL) throws {
        self.database = database
        self.keys = keys
        self.python = python
        self.logs = logs
        port = try Self.freePort()
        appURL = "http://127.0.0.1:\(try Self.freePort())/api/of-the-command-line"
        url = "http://127.0.0.1:\(port)"
    }

    // MARK: - The server and its workers

    var server: ChildProgram? { state.withLock { $0.server } }

    func worker(_ index: Int) -> ChildProgram? {
        state.withLock { $0.workers.indices.contains(index) ? $0.workers[index] : nil }
    }

    /// Starts the server, which answers afterwards; the one before it must have ended.
    func startServer() async throws {
        let program = try nightjar(["serve", "--no-execute", "--port", String(port), "--app", appURL])
        state.withLock { $0.server = program }
        try await Waiting.until("the server answers", else: { program.output }) {
            try #require(program.status == nil, "the server has ended: \(program.output)")
            return await answers()
        }
    }

    /// Starts one of the two workers; the one before it must have ended.
    func startWorker(_ index: Int) throws {
        let program = try nightjar(["work"])
        state.withLock { state in
            if state.workers.indices.contains(index) {
                state.workers[index] = program
            } else {
                state.workers.append(program)
            }
        }
    }

    private func nightjar(_ arguments: [String]) throws -> ChildProgram {
        var environment = [
            "NIGHTJAR_DATABASE_URL": database.configuration.keywords.map { "\($0)='\($1)'" }.joined(separator: " ")
        ]
        if let keys {
            environment["INNGEST_SIGNING_KEY"] = keys.signing
            environment["INNGEST_EVENT_KEY"] = keys.event
        }
        return try ChildProgram(Programs.nightjar, arguments, environment: environment, in: logs, logs: logs)
    }

    private func answers() async -> Bool {
        let response = try? await HTTPClient.shared.execute(
            HTTPClientRequest(url: "\(url)/health"), timeout: .seconds(5))
        return response?.status.code == 200
    }

    /// What all have written.
    var output: String {
        state.withLock { state in
            ([state.server].compactMap(\.self) + state.workers).map(\.output).joined(separator: "\n---\n")
        }
    }

    /// Ends all of them in good order: each must end with status 0.
    private func end() async throws {
        let programs = state.withLock { [$0.server].compactMap(\.self) + $0.workers }
        for program in programs { program.signal(SIGTERM) }
        for program in programs {
            let status = try await program.end(within: .seconds(60))
            #expect(status == 0, "\(program.output)")
        }
    }

    private func kill() {
        for program in state.withLock({ [$0.server].compactMap(\.self) + $0.workers }) { program.signal(SIGKILL) }
    }

    // MARK: - Programs in Python

    /// Starts a program of Tests/python, which finds the server by its environment.
    func startPython(_ arguments: [String]) throws -> ChildProgram {
        var environment = ["NIGHTJAR_URL": url, "NIGHTJAR_APP_URL": appURL, "PYTHONDONTWRITEBYTECODE": "1"]
        if let keys {
            environment["NIGHTJAR_SIGNING_KEY"] = keys.signing
            environment["NIGHTJAR_EVENT_KEY"] = keys.event
        }
        return try ChildProgram(python, arguments, environment: environment, in: Programs.pythonTests, logs: logs)
    }

    /// A file for such a program.
    func file(_ name: String) -> URL { logs.appending(path: name) }

    // MARK: - The database

    /// The rows of a query, each with the text of its columns.
    func rows(_ sql: String) async throws -> [[String?]] {
        let session = PostgresSession(database.configuration, logger: .init(label: "test"))
        let rows = try await session.run { db in
            try db.query(sql).map { row in
                try (0..<row.columns.count).map { column in try row.decode(column, as: String?.self) }
            }
        }
        await session.close()
        return rows
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
            }
        }
        try #require(status == 0)
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
