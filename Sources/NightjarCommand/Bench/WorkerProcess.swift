import Foundation
import Nightjar

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A process of `nightjar bench worker`.
final class WorkerProcess: Sendable {
    let id: Int32
    private let input: FileHandle
    private let ends: AsyncStream<Int32>

    /// Starts it.
    init(_ order: BenchWorker.Order) throws {
        let process = Process()
        process.executableURL = Bundle.main.executableURL
        process.arguments = ["bench", "worker"]
        process.standardOutput = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardInput = pipe
        let (ends, continuation) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { process in
            continuation.yield(process.terminationStatus)
            continuation.finish()
        }
        try process.run()
        id = process.processIdentifier
        input = pipe.fileHandleForWriting
        self.ends = ends
        try input.write(contentsOf: try JSONEncoder().encode(order) + Data("\n".utf8))
    }

    /// Lets the runs go on that it holds.
    func release() throws { try input.write(contentsOf: Data("release\n".utf8)) }

    /// Ends it, and waits until it has ended; in vain for half a minute: kills it.
    func stop() async {
        try? input.close()
        await withTaskGroup { group in
            group.addTask { for await _ in self.ends {} }
            group.addTask { [id] in
                guard (try? await Task.sleep(for: .seconds(30))) != nil else { return }
                kill(id, SIGKILL)
                for await _ in self.ends {}
            }
            await group.next()
            group.cancelAll()
        }
    }

    /// Starts some, lends them, ends them.
    static func with<T: Sendable>(
        _ count: Int, _ order: BenchWorker.Order, _ body: ([WorkerProcess]) async throws -> T
    ) async throws -> T {
        var workers: [WorkerProcess] = []
        let result: Result<T, any Error>
        do {
            for _ in 0..<count { workers.append(try WorkerProcess(order)) }
            result = .success(try await body(workers))
        } catch {
            result = .failure(error)
        }
        await withTaskGroup { group in
            for worker in workers { group.addTask { await worker.stop() } }
        }
        return try result.get()
    }

    /// Starts some, and lends them once they have sessions.
    static func ready<T: Sendable>(
        _ count: Int, _ order: BenchWorker.Order, _ body: ([WorkerProcess]) async throws -> T
    ) async throws -> T {
        try await with(count, order) { workers in
            let session = PostgresSession(PostgresConfiguration(keywords: order.database), logger: .quiet)
            let deadline = ContinuousClock.now + .seconds(60)
            while try await session.run({ db in
                try db.query("SELECT count(*) FROM nightjar.sessions WHERE NOT dead")[0].decode(0, as: Int64.self)
            }) < Int64(count) {
                guard ContinuousClock.now < deadline else { throw CommandError(.failure, "a worker does not start") }
                try await Task.sleep(for: .milliseconds(20))
            }
            await session.close()
            return try await body(workers)
        }
    }
}
