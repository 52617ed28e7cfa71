import ArgumentParser
import Foundation
import Nightjar

/// `nightjar bench cancel`
struct BenchCancel: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "What a cancelling event costs: with few and with many waiting runs, and when it matches many.",
        discussion: """
            The same events, each of which cancels one run, are sent and applied while few runs wait and while many do: \
            milliseconds, and pages of tables and indexes that were touched. Then one event cancels a group of runs, with \
            a worker that applies it. A million runs take a minute or two to make.
            """)

    @OptionGroup var options: BenchOptions

    @Option(help: "How many runs wait at first.")
    var few = 1_000

    @Option(help: "How many runs wait then.")
    var many = 1_000_000

    @Option(help: "How many events are measured at each size.")
    var samples = 200

    @Option(help: "How many runs one event cancels in the end.")
    var group = 10_000

    struct Wait: EventData {
        static let eventName = "bench/wait"
        var n: Int
        var group: Int
    }
    struct Stop: EventData {
        static let eventName = "bench/stop"
        var n: Int
    }
    struct StopGroup: EventData {
        static let eventName = "bench/stop.group"
        var group: Int
    }

    func validate() throws {
        guard samples > 0, few > samples * 2, many > few, group > 0 else {
            throw ValidationError(
                "--few must be more than twice --samples, --many more than --few, --group more than 0")
        }
    }

    func execute() async throws -> ExitStatus {
        // Whatever vacuum does would be counted with it.
        try await BenchArena.with(options, settings: ["autovacuum": "off", "max_wal_size": "16GB"]) { arena in
            let function = Function("wait", on: Wait.self)
                .cancelOn(Stop.self, match: \.n).cancelOn(StopGroup.self, match: \.group).run { _, _ in }
            try await arena.withWorker([function]) {}
            let client = Client(database: arena.database, logger: .quiet)
            let session = PostgresSession(arena.database, logger: .quiet)
            var numbers = 0..<few
            try await schedule(numbers, group: 0, client)
            let small = try await measure(numbers, session)
            numbers = few..<many
            try await schedule(numbers, group: 0, client)
            let large = try await measure(numbers, session)

            try await schedule(many..<(many + group), group: 1, client)
            let (count, samples, few, many) = (group, samples, few, many)
            let (sent, applied) = try await arena.withWorker([function]) {
                let start = ContinuousClock.now
                try await client.send(StopGroup(group: 1))
                let sent = ContinuousClock.now - start
                while try await session.run({ db in
                    try db.query(
                        "SELECT count(*) FROM nightjar.outcomes WHERE cause ->> 'event_name' = $1",
                        [StopGroup.eventName])[
                            0
                        ].decode(0, as: Int64.self)
                }) < Int64(count) { try await Task.sleep(for: .milliseconds(10)) }
                return (sent, ContinuousClock.now - start)
            }
            await client.close()
            await session.close()
            try arena.report(
                [
                    ("samples", .integer(Int64(samples))),
                    ("waiting_few", .integer(Int64(few))), ("few_milliseconds_p50", small.milliseconds.percentile(0.5)),
                    ("few_pages", .number(rounded(small.pages))),
                    ("waiting_many", .integer(Int64(many))),
                    ("many_milliseconds_p50", large.milliseconds.percentile(0.5)),
                    ("many_pages", .number(rounded(large.pages))),
                    ("pages_ratio", .number(rounded(large.pages / small.pages))),
                    ("group", .integer(Int64(count))), ("group_sent_milliseconds", .number(rounded(sent.milliseconds))),
                    ("group_applied_milliseconds", .number(rounded(applied.milliseconds))),
                ], options)
            return .success
        }
    }

    /// Runs that wait for their time, which is a month ahead.
    private func schedule(_ numbers: Range<Int>, group: Int, _ client: Client) async throws {
        let due = Date().addingTimeInterval(30 * 86_400)
        for start in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 1_000) {
            try await client.send(
                (start..<min(start + 1_000, numbers.upperBound)).map {
                    try NewEvent(Wait(n: $0, group: group), at: due)
                })
        }
    }

    /// Sends events that cancel one run each, evenly spread, and does what a worker does about each.
    private func measure(
        _ numbers: Range<Int>, _ session: PostgresSession
    ) async throws -> (milliseconds: Sample, pages: Double) {
        try await session.run { [samples] db in
            for command in ["VACUUM ANALYZE", "CHECKPOINT"] { try db.script(command) }
            func cancel(_ number: Int) throws -> Double {
                let start = ContinuousClock.now
                _ = try db.query(
                    "SELECT nightjar.send($1, jsonb_build_object('n', $2::int))", [Stop.eventName, Int32(number)])
                let rows = try db.query("SELECT * FROM nightjar.apply_pending(256, 500, 0)").count
                guard rows == 1 else { throw CommandError(.failure, "the insert left something to be applied") }
                return (ContinuousClock.now - start).milliseconds
            }
            let step = numbers.count / (samples * 2)
            // Plans are made, and the pages that all of them share are read.
            for index in 0..<samples { _ = try cancel(numbers.lowerBound + index * 2 * step) }
            let before = try Self.pages(db)
            let times = try (0..<samples).map { try cancel(numbers.lowerBound + ($0 * 2 + 1) * step) }
            let pages = try Self.pages(db) - before
            return (Sample(times), Double(pages) / Double(samples))
        }
    }

    /// Pages of tables and indexes that this database's sessions have touched.
    private static func pages(_ db: PostgresConnection) throws -> Int64 {
        _ = try db.query("SELECT pg_stat_force_next_flush()")
        return try db.query(
            """
            SELECT sum(coalesce(heap_blks_hit, 0) + coalesce(heap_blks_read, 0) + coalesce(idx_blks_hit, 0)
                       + coalesce(idx_blks_read, 0))::bigint FROM pg_statio_user_tables WHERE schemaname = 'nightjar'
            """)[0].decode(0)
    }
}
