import ArgumentParser
import Foundation
import Nightjar

/// `nightjar bench ingest`
struct BenchIngest: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest",
        abstract: "Events a second: one at a time and in batches, from one sender and from many; plain INSERTs.",
        discussion: """
            Every event starts a run of each function, none of which is executed meanwhile. The reference writes the same \
            rows by raw SQL, without triggers and functions: as many events in a commit as ours had, over as many \
            connections.

            EXAMPLES
              nightjar bench ingest
              nightjar bench ingest --functions 0
            """)

    @OptionGroup var options: BenchOptions

    @Option(help: "For how long each is measured, in all turns together.")
    var seconds = 3.0

    @Option(help: "How many functions listen, each with one cancellation policy.")
    var functions = 1

    @Option(help: "How many connections the client has; plain INSERTs have one for each sender.")
    var connections = 4

    @Option(help: "In how many turns all is measured, ours and the reference; the medians count.")
    var `repeat` = 3

    /// One way of sending.
    struct Way: Sendable {
        var name: String
        var senders: Int
        /// Events in a call.
        var batch = 1
        /// Without our client.
        var isPlain = false
    }

    private static let ways = [
        Way(name: "single_1", senders: 1), Way(name: "single_16", senders: 16), Way(name: "single_64", senders: 64),
        Way(name: "batch_100_x1", senders: 1, batch: 100), Way(name: "batch_100_x4", senders: 4, batch: 100),
        Way(name: "batch_1000_x1", senders: 1, batch: 1_000), Way(name: "batch_1000_x4", senders: 4, batch: 1_000),
        Way(name: "plain_insert_1", senders: 1, isPlain: true),
        Way(name: "plain_insert_16", senders: 16, isPlain: true),
    ]

    private var slice: Double { seconds / Double(`repeat`) }

    func validate() throws {
        guard seconds > 0, functions >= 0, connections > 0, `repeat` > 0 else {
            throw ValidationError("--functions must not be negative, the others must be more than 0")
        }
    }

    func execute() async throws -> ExitStatus {
        try await BenchArena.with(options) { arena in
            if functions > 0 {
                try await arena.register((0..<functions).map { BenchFunctions.tick("tick-\($0)", steps: 1) })
            }
            let ceiling = try await BenchCeiling(in: arena)
            var results = [String: [IngestResult]]()
            for _ in 0..<`repeat` {
                for way in Self.ways { results[way.name, default: []].append(try await measure(way, arena, ceiling)) }
            }
            let figures =
                [BenchFigure("functions", functions)]
                + Self.ways.flatMap { way in
                    IngestResult.figures(way.name, results[way.name] ?? [])
                }
            try arena.report(figures, options)
            return .success
        }
    }

    private func measure(_ way: Way, _ arena: BenchArena, _ ceiling: BenchCeiling) async throws -> IngestResult {
        try await arena.script(
            """
            TRUNCATE nightjar.events, nightjar.runs, nightjar.live, nightjar.waits, nightjar.match_log, nightjar.pending,
                nightjar.newcomers
            """)
        let load = way.isPlain ? try await plain(way, arena) : try await sent(way, arena)
        let perCommit = try await eventsPerCommit(arena, load.events)
        let reference = try await ceiling.ingest(
            perCommit: perCommit, connections: way.isPlain ? way.senders : min(way.senders, connections),
            functions: functions, seconds: slice)
        return IngestResult(load: load, perCommit: perCommit, reference: reference)
    }

    private func sent(_ way: Way, _ arena: BenchArena) async throws -> BenchLoad {
        let client = Client(database: arena.database, connections: connections, logger: .quiet)
        // Connections are opened, plans made.
        _ = try await BenchLoad.run(senders: way.senders, seconds: min(0.2, slice)) { _, _ in
            try await client.send([NewEvent(name: "bench/unheard", json: "{}")]).count
        }
        let load = try await run(way, arena) { _, call in
            try await client.send(
                (0..<way.batch).map { try NewEvent(BenchFunctions.Tick(n: call * way.batch + $0)) }
            ).count
        }
        await client.close()
        return load
    }

    private static let insert = "INSERT INTO nightjar.events (name, data) VALUES ($1, $2)"

    /// As any program does that knows nothing of us.
    private func plain(_ way: Way, _ arena: BenchArena) async throws -> BenchLoad {
        let sessions = (0..<way.senders).map { _ in PostgresSession(arena.database, logger: .quiet) }
        for session in sessions {
            try await session.run { db in
                for _ in 0..<10 { try db.execute(Self.insert, ["bench/unheard", PostgresJSON("{}")]) }
            }
        }
        let load = try await run(way, arena) { sender, call in
            try await sessions[sender].run { db in
                try db.execute(
                    Self.insert, [BenchFunctions.Tick.eventName, PostgresJSON("{\"n\":\(call)}")])
            }
        }
        for session in sessions { await session.close() }
        return load
    }

    private func run(
        _ way: Way, _ arena: BenchArena, _ send: @escaping @Sendable (_ sender: Int, _ call: Int) async throws -> Int
    ) async throws -> BenchLoad {
        let before = try await BenchCost.now(arena.database, postmaster: arena.postmaster)
        var load = try await BenchLoad.run(senders: way.senders, seconds: slice, send)
        load.cost = try await BenchCost.now(arena.database, postmaster: arena.postmaster) - before
        return load
    }

    private func eventsPerCommit(_ arena: BenchArena, _ events: Int) async throws -> Double {
        let session = PostgresSession(arena.database, logger: .quiet)
        let (stored, commits) = try await session.run { db in
            let row = try db.query(
                "SELECT count(*), count(DISTINCT xmin::text) FROM nightjar.events WHERE name = $1",
                [BenchFunctions.Tick.eventName])[0]
            return (try row.decode(0, as: Int.self), try row.decode(1, as: Int.self))
        }
        await session.close()
        guard stored == events else { throw CommandError(.failure, "\(stored) of \(events) events are there") }
        return Double(stored) / Double(max(1, commits))
    }
}
