import Foundation
import Logging
import NightjarTesting
import Testing

@testable import Nightjar

/// What the API asks the database is planned once, as a rule while the tables are empty: the plan has to be right at any
/// size that they have later.
@Suite("The API's statements", .timeLimit(.minutes(3)))
struct APIStatementTests {
    private static let statements: [Statement] = [
        .apiEvent, .apiEvents, .apiExaminedRun, .apiFindLiveRuns, .apiFindRuns, .apiJob, .apiRuns, .apiRunsOfEvents,
        .apiStepKey, .apiSteps,
    ]

    @Test("read what grows by its indexes, planned while it is empty", arguments: statements)
    func plans(statement: Statement) async throws {
        try await TestDatabase.with { database in
            let session = PostgresSession(
                database.configuration.forEngine(name: "test"),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let plan = try await session.run { db in
                try db.script(
                    "ANALYZE nightjar.live, nightjar.runs, nightjar.events, nightjar.steps, nightjar.outcomes")
                try db.script("PREPARE asked AS \(statement.sql)")
                let types = try db.query(
                    "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'asked'")
                let values = try types[0].decode(0, as: [String].self).enumerated().map(Self.value)
                return try db.query("EXPLAIN EXECUTE asked(\(values.joined(separator: ", ")))").map {
                    try $0.decode(0, as: String.self)
                }
            }
            await session.close()
            #expect(!plan.isEmpty)
            let scans = plan.filter { line in
                line.contains("Seq Scan on")
                    && ["live", "runs", "events", "steps", "outcomes", "attempts", "interruptions"].contains { table in
                        line.contains("Seq Scan on \(table)") || line.contains("Seq Scan on nightjar.\(table)")
                    }
            }
            #expect(scans == [], "\(plan.joined(separator: "\n"))")
            // A sort of all rows would be one of the whole history.
            if [.apiEvents, .apiFindRuns, .apiFindLiveRuns].contains(statement) {
                #expect(!plan.contains { $0.contains("Sort Key: r.run_id") || $0.contains("Sort Key: e.event_id") })
            }
        }
    }

    /// A value of a type, as none of which partitions could be left out of the plan.
    private static func value(position: Int, type: String) -> String {
        switch type {
        case "uuid": position == 0 ? "'ffffffff-ffff-ffff-ffff-ffffffffffff'" : "'00000000-0000-0000-0000-000000000000'"
        case "uuid[]": "ARRAY[nightjar.uuid7()]"
        case "integer", "bigint": "10"
        case "boolean": "false"
        default: "NULL"
        }
    }
}
