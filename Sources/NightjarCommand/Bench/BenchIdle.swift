import ArgumentParser
import Foundation
import Nightjar

/// `nightjar bench idle`
struct BenchIdle: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "idle",
        abstract: "What workers cost that have nothing to do: queries a second, processor, memory.",
        discussion: """
            First one worker, then several, each a process of its own, beside runs that sleep, none of them due. Counted \
            are all transactions in their database, and the processor time of the workers and of their connections' \
            server processes, of all workers together. A million runs take a minute or two to make.
            """)

    @OptionGroup var options: BenchOptions

    @Option(help: "For how long to watch.")
    var seconds = 60

    @Option(help: "How many runs sleep meanwhile.")
    var sleeping = 1_000_000

    @Option(help: "How many workers idle at the second look.")
    var workers = 8

    private struct Reading: Sendable {
        var transactions: Int64
        var workers: [ProcessUsage]
        var backends: [ProcessUsage]
    }

    func validate() throws {
        guard seconds > 0, sleeping >= 0, workers > 0 else {
            throw ValidationError("--seconds and --workers must be more than 0, --sleeping not less")
        }
    }

    func execute() async throws -> ExitStatus {
        // Its transactions would be counted with the workers'.
        try await BenchArena.with(options, settings: ["autovacuum": "off", "max_wal_size": "16GB"]) { arena in
            let session = try await Self.observer(of: arena)
            let empty = try await watch(1, arena, session, for: min(seconds, 10))
            try await SleepingRuns(arena: arena).make(sleeping)
            let one = try await watch(1, arena, session, for: seconds)
            let many = try await watch(workers, arena, session, for: seconds)
            await session.close()
            try arena.report(
                [
                    ("sleeping_runs", JSON.integer(Int64(sleeping))),
                    ("target_queries_per_second", .number(1)), ("target_processor_percent", .number(0.5)),
                    ("resident_megabytes_before", empty.resident),
                ] + one.figures("") + [("workers", .integer(Int64(workers)))] + many.figures("workers_"), options)
            return .success
        }
    }

    private struct Watched: Sendable {
        var queries: Double
        var processor: Double
        var backends: Double
        var resident: JSON
        var peak: JSON

        func figures(_ prefix: String) -> [(name: String, value: JSON)] {
            [
                ("\(prefix)queries_per_second", .number(rounded(queries))),
                ("\(prefix)processor_percent", .number(rounded(processor))),
                ("\(prefix)server_processor_percent", .number(rounded(backends))),
                ("\(prefix)resident_megabytes", resident), ("\(prefix)peak_megabytes", peak),
            ]
        }
    }

    private func watch(
        _ count: Int, _ arena: BenchArena, _ session: PostgresSession, for seconds: Int
    ) async throws -> Watched {
        try await WorkerProcess.ready(count, BenchWorker.Order(database: arena.database.keywords)) { processes in
            try await settle(session, workers: count)
            let before = try await Self.read(processes, session)
            let start = ContinuousClock.now
            try await Task.sleep(for: .seconds(seconds))
            let after = try await Self.read(processes, session)
            let time = (ContinuousClock.now - start).milliseconds / 1_000
            func share(_ usages: KeyPath<Reading, [ProcessUsage]>) -> Double {
                func sum(_ reading: Reading) -> Double { reading[keyPath: usages].map(\.processorSeconds).reduce(0, +) }
                return max(0, sum(after) - sum(before)) / time * 100
            }
            return Watched(
                queries: Double(after.transactions - before.transactions) / time,
                processor: share(\.workers), backends: share(\.backends),
                resident: Self.greatest(after.workers.map(\.residentMegabytes)),
                peak: Self.greatest(after.workers.map(\.peakMegabytes)))
        }
    }

    /// Backends tell the figures of what they did long after they fell idle: waits until none comes late any more.
    private func settle(_ session: PostgresSession, workers: Int) async throws {
        let pause = min(5, seconds)
        var quiet = 0
        var last = try await Self.transactions(session)
        for _ in 0..<12 where quiet < 3 {
            try await Task.sleep(for: .seconds(pause))
            let now = try await Self.transactions(session)
            quiet = now - last <= Int64(3 * pause * workers) ? quiet + 1 : 0
            last = now
        }
    }

    private static func read(_ processes: [WorkerProcess], _ session: PostgresSession) async throws -> Reading {
        let backends = try await session.run { db in
            try db.query(
                """
                SELECT pid FROM pg_stat_activity
                WHERE datname = current_setting('nightjar.bench') AND application_name LIKE 'nightjar worker%'
                """
            ).map { try $0.decode(0, as: Int32.self) }
        }
        return Reading(
            transactions: try await transactions(session),
            workers: processes.compactMap { ProcessUsage(of: $0.id) },
            backends: backends.compactMap { ProcessUsage(of: $0) })
    }

    /// A connection beside the database that is watched, so that its own questions are not counted.
    private static func observer(of arena: BenchArena) async throws -> PostgresSession {
        let name = arena.database.keywords["dbname"] ?? ""
        var database = arena.database
        database.keywords["dbname"] = "postgres"
        database.settings["nightjar.bench"] = name
        return PostgresSession(database, logger: .quiet)
    }

    /// Outside of transactions of several statements a query is a transaction.
    private static func transactions(_ session: PostgresSession) async throws -> Int64 {
        try await session.run { db in
            try db.query("SELECT pg_stat_clear_snapshot()")
            return try db.query(
                """
                SELECT xact_commit + xact_rollback FROM pg_stat_database
                WHERE datname = current_setting('nightjar.bench')
                """)[0].decode(0)
        }
    }

    private static func greatest(_ values: [Double]) -> JSON { values.max().map { .number(rounded($0)) } ?? .null }
}
