import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

extension Probe {
    /// Adds what is safe to be added to the roll-ups, in chunks of a few rows.
    @discardableResult
    func rollUp(_ most: Int32 = 20_000) async throws -> Int64 {
        try await run { db in try db.query(Statement.rollUp.sql, [most])[0].decode(0) }
    }

    /// Adds it until a sum is what it should be. Other tests' transactions hold the roll-ups back: they share the server.
    func rollUp(until sum: String, is value: Int64, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await eventually(
            "\(sum) is \(value)", within: .seconds(120),
            {
                try await self.rollUp()
                return try await self.sum(sum) == value
            }, sourceLocation: sourceLocation)
    }

    /// What the roll-ups say over all minutes: `sum(queued)` and the like.
    func sum(_ expression: String, grain: String = "minute") async throws -> Int64 {
        try await value(
            "SELECT coalesce(\(expression), 0)::bigint FROM nightjar_report.throughput WHERE grain = $1", [grain])
    }

    /// How many events the roll-ups know of a name.
    func events(_ name: String) async throws -> Int64 {
        try await value(
            "SELECT coalesce(sum(count), 0)::bigint FROM nightjar_report.event_throughput WHERE name = $1", [name])
    }

    /// Inserts an outcome as nothing but an outcome.
    func endRun() async throws {
        try await script(
            """
            INSERT INTO nightjar.outcomes (run_id, tenant_id, function_id, status, started_at)
            SELECT nightjar.uuid7(), 1, f.function_id, 1, clock_timestamp() FROM nightjar.functions f LIMIT 1
            """)
    }
}
