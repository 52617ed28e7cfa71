import Foundation
import Nightjar

/// What this machine does with the same rows and the same commits when there is no engine: the reference of our figures.
///
/// Tables of the same columns, indexes, partitions and storage settings as ours, in a schema beside ours, without triggers.
/// They are written by one prepared statement over arrays for each commit, by callers that know beforehand what to write:
/// nothing is looked for, matched, checked or refused. So this is a bound that an engine cannot reach, not one that it should.
struct BenchCeiling: Sendable {
    let database: PostgresConfiguration
    private let postmaster: Int32?

    /// What it did, and in what time.
    struct Result: Sendable {
        var count = 0
        var seconds: Double
        var cost: BenchCost

        var perSecond: Double { Double(count) / seconds }
    }

    private static let tables = ["events", "runs", "live", "waits", "steps", "outcomes"]

    /// Makes the tables.
    /// - Parameter withBacklog: with the live runs and the waits that are in ours already.
    init(in arena: BenchArena, withBacklog: Bool = false) async throws {
        var database = arena.database.forEngine(name: "bench ceiling")
        // The only way in which a hash index knows = ANY.
        database.settings["enable_bitmapscan"] = "on"
        self.database = database
        postmaster = arena.postmaster
        try await arena.script(
            "DROP SCHEMA IF EXISTS ceiling CASCADE", "CREATE SCHEMA ceiling",
            """
            DO $$
            DECLARE
                t record;
                part record;
            BEGIN
                FOR t IN SELECT c.oid, c.relname, c.relkind, c.reloptions FROM pg_class c
                         WHERE c.relnamespace = 'nightjar'::regnamespace
                           AND c.relname IN ('\(Self.tables.joined(separator: "', '"))') LOOP
                    EXECUTE format('CREATE TABLE ceiling.%I (LIKE nightjar.%I INCLUDING ALL) %s', t.relname, t.relname,
                                   CASE t.relkind WHEN 'p' THEN 'PARTITION BY ' || pg_get_partkeydef(t.oid) ELSE '' END);
                    IF t.reloptions IS NOT NULL THEN
                        EXECUTE format('ALTER TABLE ceiling.%I SET (%s)', t.relname, array_to_string(t.reloptions, ', '));
                    END IF;
                    FOR part IN SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bound
                                FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = t.oid LOOP
                        EXECUTE format('CREATE TABLE ceiling.%I PARTITION OF ceiling.%I %s', part.relname, t.relname, part.bound);
                    END LOOP;
                END LOOP;
            END $$
            """)
        if withBacklog {
            try await arena.script(
                "INSERT INTO ceiling.live SELECT * FROM nightjar.live",
                "INSERT INTO ceiling.waits SELECT * FROM nightjar.waits",
                "VACUUM ANALYZE ceiling.live, ceiling.waits")
        }
    }

    /// Does something on several connections at once, each knowing its number, and answers what it took.
    /// - Parameter warmUp: done on each before, so that statements are prepared and planned.
    func inParallel(
        _ connections: Int, warmUp: @escaping @Sendable (PostgresConnection) throws -> Void,
        _ body: @escaping @Sendable (PostgresConnection, Int) throws -> Void
    ) async throws -> Result {
        let sessions = (0..<connections).map { _ in PostgresSession(database, logger: .quiet) }
        for session in sessions { try await session.run(warmUp) }
        let before = try await BenchCost.now(database, postmaster: postmaster)
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, session) in sessions.enumerated() {
                group.addTask { try await session.run { db in try body(db, number) } }
            }
            try await group.waitForAll()
        }
        let took = ContinuousClock.now - start
        let after = try await BenchCost.now(database, postmaster: postmaster)
        for session in sessions { await session.close() }
        return Result(seconds: took.seconds, cost: after - before)
    }

    /// The sizes of groups that have a mean, which needs not be a whole number: 3, 2, 3, 2 for 2.5.
    static func group(_ index: Int, mean: Double) -> Range<Int> {
        Int((Double(index) * mean).rounded())..<Int((Double(index + 1) * mean).rounded())
    }
}
