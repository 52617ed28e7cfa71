import Foundation
import Nightjar
import Synchronization

/// A worker as a process of its own: this very program, as `bench idle-worker`.
final class BenchProcess: Sendable {
    private final class End: Sendable {
        let hasCome = Mutex(false)
    }

    let processID: Int32
    private let input: FileHandle
    private let end = End()

    private init(_ database: PostgresConfiguration, concurrency: Int) throws {
        let process = Process()
        process.executableURL = Bundle.main.executableURL
        process.arguments = ["bench", "idle-worker", "--concurrency", "\(concurrency)"]
        let pipe = Pipe()
        process.standardInput = pipe
        process.standardOutput = FileHandle.standardError
        process.terminationHandler = { [end] _ in end.hasCome.withLock { $0 = true } }
        try process.run()
        processID = process.processIdentifier
        input = pipe.fileHandleForWriting
        // Not an argument: it may hold a password.
        try input.write(contentsOf: Data((Self.connectionString(database) + "\n").utf8))
    }

    deinit {
        if !hasEnded { kill(processID, SIGKILL) }
    }

    /// Starts workers, waits until they have sessions, and stops them when `body` is done.
    static func with<T: Sendable>(
        _ count: Int, concurrency: Int = 100, in arena: BenchArena, _ body: ([BenchProcess]) async throws -> T
    ) async throws -> T {
        let session = PostgresSession(arena.database, logger: .quiet)
        let processes = try (0..<count).map { _ in try BenchProcess(arena.database, concurrency: concurrency) }
        let result: Result<T, any Error>
        do {
            while try await session.run({ db in
                try db.query("SELECT count(*) FROM nightjar.sessions WHERE NOT dead")[0].decode(0, as: Int64.self)
            }) < Int64(count) {
                guard !processes.contains(where: \.hasEnded) else { throw CommandError(.failure, "a worker ended") }
                try await Task.sleep(for: .milliseconds(20))
            }
            result = .success(try await body(processes))
        } catch {
            result = .failure(error)
        }
        for process in processes { try? process.input.close() }
        for process in processes { await process.waitForEnd() }
        await session.close()
        return try result.get()
    }

    /// Lets the runs go on that it holds.
    func release() throws { try input.write(contentsOf: Data("release\n".utf8)) }

    private var hasEnded: Bool { end.hasCome.withLock { $0 } }

    private func waitForEnd() async {
        for _ in 0..<1_000 where !hasEnded { try? await Task.sleep(for: .milliseconds(20)) }
        if !hasEnded { kill(processID, SIGKILL) }
    }

    private static func connectionString(_ database: PostgresConfiguration) -> String {
        database.keywords.map { keyword, value in
            let quoted = value.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "'", with: "\\'")
            return "\(keyword)='\(quoted)'"
        }.joined(separator: " ")
    }
}
