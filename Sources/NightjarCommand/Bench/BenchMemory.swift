import ArgumentParser
import Foundation
import Nightjar

/// `nightjar bench memory`
struct BenchMemory: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "memory",
        abstract: "How much memory a worker takes while many runs execute at once.")

    @OptionGroup var options: BenchOptions

    @Option(help: "How many runs execute at once; the step of each waits.")
    var executing = 1_000

    func validate() throws {
        guard executing > 0 else { throw ValidationError("--executing must be more than 0") }
    }

    func execute() async throws -> ExitStatus {
        try await BenchArena.with(options) { arena in
            let client = Client(database: arena.database, logger: .quiet)
            let session = PostgresSession(arena.database, logger: .quiet)
            let executing = executing
            let order = BenchWorker.Order(database: arena.database.keywords, concurrency: executing)
            let usages = try await WorkerProcess.ready(1, order) { processes in
                let process = processes[0]
                try await Task.sleep(for: .milliseconds(500))
                let before = ProcessUsage(of: process.id)
                for start in stride(from: 0, to: executing, by: 1_000) {
                    try await client.send(
                        (start..<min(start + 1_000, executing)).map { try NewEvent(BenchFunctions.Hold(n: $0)) })
                }
                try await Self.wait(session, "SELECT count(*) = \(executing) FROM nightjar.live WHERE state = 1")
                // What is leased begins at once; what that takes shows a moment later.
                try await Task.sleep(for: .seconds(1))
                let during = ProcessUsage(of: process.id)
                try process.release()
                try await Self.wait(session, "SELECT NOT EXISTS (SELECT FROM nightjar.live)")
                try await Task.sleep(for: .milliseconds(500))
                return [before, during, ProcessUsage(of: process.id)]
            }
            await client.close()
            await session.close()
            func megabytes(_ index: Int, _ path: KeyPath<ProcessUsage, Double>) -> JSON {
                usages[index].map { .number(rounded($0[keyPath: path])) } ?? .null
            }
            try arena.report(
                [
                    ("executing", .integer(Int64(executing))), ("target_megabytes", .integer(120)),
                    ("resident_megabytes_before", megabytes(0, \.residentMegabytes)),
                    ("resident_megabytes", megabytes(1, \.residentMegabytes)),
                    ("resident_megabytes_after", megabytes(2, \.residentMegabytes)),
                    ("peak_megabytes", megabytes(2, \.peakMegabytes)),
                ], options)
            return .success
        }
    }

    private static func wait(_ session: PostgresSession, _ condition: String) async throws {
        while try await !session.run({ db in try db.query(condition)[0].decode(0, as: Bool.self) }) {
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
