import ArgumentParser
import Foundation
import Nightjar

/// `nightjar bench idle`
struct BenchIdle: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "idle",
        abstract: "What a worker costs that has nothing to do: queries a second, processor, memory.")

    @OptionGroup var options: BenchOptions

    @Option(help: "For how long to watch.")
    var seconds = 30

    @Option(help: "How many runs sleep meanwhile, none of them due.")
    var sleeping = 20_000

    struct Nap: EventData {
        static let eventName = "bench/nap"
        var n: Int
    }

    func execute() async throws -> ExitStatus {
        // Its transactions would be counted with the worker's.
        try await BenchArena.with(options, settings: ["autovacuum": "off"]) { arena in
            let function = Function("nap", on: Nap.self).run { event, step in
                try await step.sleep("long", for: .seconds(86_400))
            }
            let client = Client(database: arena.database, logger: .quiet)
            let session = PostgresSession(arena.database, logger: .quiet)
            let (sleeping, seconds) = (sleeping, seconds)
            let figures = try await arena.withWorker([function]) {
                let before = Self.residentMegabytes()
                for start in stride(from: 0, to: sleeping, by: 1_000) {
                    try await client.send((start..<min(start + 1_000, sleeping)).map { try NewEvent(Nap(n: $0)) })
                }
                await client.close()
                while try await session.run({ db in
                    try db.query("SELECT count(*) FROM nightjar.live WHERE state = 2")[0].decode(0, as: Int64.self)
                }) < Int64(sleeping) { try await Task.sleep(for: .milliseconds(100)) }
                try await Self.settle(session)
                let (transactions, processor) = (try await Self.transactions(session), Self.processorSeconds())
                try await Task.sleep(for: .seconds(seconds))
                // Its own question is one of them.
                let queries = try await Self.transactions(session) - transactions - 1
                let used = Self.processorSeconds() - processor
                return [
                    ("sleeping_runs", JSON.integer(Int64(sleeping))),
                    ("queries_per_second", .number(rounded(Double(queries) / Double(seconds)))),
                    ("processor_share_percent", .number(rounded(used / Double(seconds) * 100))),
                    ("resident_megabytes", .number(rounded(Self.residentMegabytes()))),
                    ("resident_megabytes_before", .number(rounded(before))),
                ]
            }
            await session.close()
            try arena.report(figures, options)
            return .success
        }
    }

    /// Backends tell the figures of what they did long after they fell idle: waits until none comes late any more.
    private static func settle(_ session: PostgresSession) async throws {
        var quiet = 0
        var last = try await transactions(session)
        for _ in 0..<12 where quiet < 3 {
            try await Task.sleep(for: .seconds(5))
            let now = try await transactions(session)
            quiet = now - last <= 15 ? quiet + 1 : 0
            last = now
        }
    }

    /// Outside of transactions of several statements a query is a transaction.
    private static func transactions(_ session: PostgresSession) async throws -> Int64 {
        try await session.run { db in
            try db.query("SELECT pg_stat_clear_snapshot()")
            return try db.query(
                "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()")[0]
                .decode(0)
        }
    }

    private static func processorSeconds() -> Double {
        // POSIX: CLOCKS_PER_SEC is a million everywhere.
        Double(clock()) / 1e6
    }

    private static func residentMegabytes() -> Double {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Double($0) })
        else { return 0 }
        return pages * Double(getpagesize()) / 1_048_576
    }
}
