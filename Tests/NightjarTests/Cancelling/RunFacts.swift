import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// Everything that the database knows of a run, read in one snapshot.
struct RunFacts: Sendable, Equatable {
    let json: JSON

    subscript(_ key: String) -> JSON { json[key] ?? .null }

    var status: String? { self["status"].string }
    /// The keys of the recorded steps, in the order in which they were recorded.
    var steps: [String] { self["steps"].array?.compactMap(\.string) ?? [] }
    /// The row of the view `nightjar.cancellations`, without the columns that all runs have.
    var cancellation: [String: JSON]? { self["cancellation"].object }
    /// The system events about the run, with the names of the functions that each started.
    func events(_ name: String) -> [JSON] {
        self["events"].array?.filter { $0["name"]?.string == "inngest/function.\(name)" } ?? []
    }
}

extension Probe {
    func facts(of run: UUID) async throws -> RunFacts {
        let json = try await reporting { db in
            try db.query(
                """
                SELECT jsonb_build_object(
                    'status', (SELECT s.status FROM nightjar.run_status s WHERE s.run_id = $1),
                    'output', (SELECT o.output FROM nightjar.outcomes o WHERE o.run_id = $1),
                    'cause', (SELECT o.cause FROM nightjar.outcomes o WHERE o.run_id = $1),
                    'ended_at', (SELECT o.ended_at FROM nightjar.outcomes o WHERE o.run_id = $1),
                    'cancellation', (SELECT to_jsonb(c) - '{run_id,tenant_id,app,function}'::text[]
                                     FROM nightjar.cancellations c WHERE c.run_id = $1),
                    'was_asked_before', (SELECT c.asked_at <= c.applied_at FROM nightjar.cancellations c WHERE c.run_id = $1),
                    'live', (SELECT to_jsonb(l) FROM nightjar.live l WHERE l.run_id = $1),
                    'waits', (SELECT count(*) FROM nightjar.waits w WHERE w.run_id = $1),
                    'open_steps', (SELECT count(*) FROM nightjar.open_steps o WHERE o.run_id = $1),
                    'steps', (SELECT jsonb_agg(s.step ORDER BY s.recorded_at, s.ended_at)
                              FROM nightjar.steps s WHERE s.run_id = $1),
                    'attempts', (SELECT count(*) FROM nightjar.attempts a WHERE a.run_id = $1),
                    'events', (SELECT jsonb_agg(jsonb_build_object('name', e.name, 'data', e.data, 'started', (
                                   SELECT jsonb_agg(f.name ORDER BY f.name)
                                   FROM nightjar.runs r JOIN nightjar.functions f ON f.function_id = r.function_id
                                   WHERE r.event_id = e.event_id)) ORDER BY e.seq)
                               FROM nightjar.events e
                               WHERE e.data ->> 'run_id' = $1::text AND starts_with(e.name, 'inngest/function.')))
                """, [run])[0].decode(0, as: PostgresJSON.self).decode(JSON.self)
        }
        return RunFacts(json: json)
    }

    /// Waits until the facts are as wanted, and returns them.
    func facts(
        of run: UUID, when what: Comment, sourceLocation: SourceLocation = #_sourceLocation,
        _ isTrue: (RunFacts) -> Bool
    ) async throws -> RunFacts {
        var facts = try await facts(of: run)
        try await eventually(
            "\(what): \(facts.json)",
            {
                facts = try await self.facts(of: run)
                return isTrue(facts)
            }, sourceLocation: sourceLocation)
        // What follows would ask for rows that are not there.
        guard isTrue(facts) else { throw NeverSo() }
        return facts
    }

    /// It is recorded as an issue already.
    private struct NeverSo: Error {}

    /// The one run of a function that an event started.
    func run(of function: String, key: String) async throws -> UUID? {
        try await run { db in
            try db.query(
                """
                SELECT r.run_id FROM nightjar.run_status r JOIN nightjar.events e USING (event_id)
                WHERE r.function = $1 AND e.data ->> 'key' = $2
                """, [function, key]
            ).first?.decode(0)
        }
    }
}
