import ExpressionTesting
import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

/// Many expressions, each as the policy of a function and as a wait of its runs, and events at random for all of them at
/// once: what really happens, against what the whole expression says.
struct MatchLab {
    enum Order {
        /// The run waits, then the event comes.
        case waitFirst
        /// The event comes, then the run begins to wait, and looks back.
        case eventFirst
    }

    let probe: Probe
    private(set) var pairs = 0
    private(set) var matches = 0
    private(set) var wrong: [String] = []
    private var generator: ExpressionGenerator
    private var rounds = 0
    private let expressions: [(expression: EventExpression, match: Match)]
    private let registration: Registration

    /// Makes up expressions that can match, and registers a function for each.
    init(expressions count: Int, seed: UInt64, database: TestDatabase) async throws {
        probe = try await Probe(database)
        generator = ExpressionGenerator(seed: seed)
        var expressions: [(expression: EventExpression, match: Match)] = []
        while expressions.count < count {
            let text = generator.expression(depth: 1 + expressions.count % 3)
            let expression = try EventExpression(text, scope: .match)
            if let match = try? expression.match() { expressions.append((expression, match)) }
        }
        self.expressions = expressions
        registration = try await probe.register(
            expressions.enumerated().map { index, each in
                FunctionDefinition(
                    id: "f\(index)", triggers: [Trigger(event: "own/\(index)")],
                    cancelPolicies: [CancelPolicy(event: "cancel/\(index)", match: each.match)],
                    body: { _, _ in "null" })
            })
    }

    /// One run and two new events for every expression.
    mutating func round(_ order: Order) async throws {
        rounds += 1
        let own = events("own")
        let answering = events("answer")
        let cancelling = events("cancel")

        try await send(own)
        try await probe.searchNewcomers()
        let runs = try await probe.claim(registration, limit: expressions.count).runs
        if order == .eventFirst { try await send(answering) }
        try await open(runs, looksBack: order == .eventFirst)
        if order == .waitFirst { try await send(answering) }
        try await probe.settle()
        compare(
            own, answering,
            try await functions("SELECT o.run_id FROM nightjar.open_steps o WHERE o.arrived IS NOT NULL"))

        try await send(cancelling)
        try await probe.settle()
        let live = try await functions("SELECT l.run_id FROM nightjar.live l")
        compare(own, cancelling, Set(expressions.indices).subtracting(live))
        try await probe.run { db in
            _ = try db.query(
                """
                SELECT nightjar.cancel_runs(array_agg(run_id), array_agg('{"kind": "manual"}'::jsonb), true) FROM nightjar.live
                """)
        }
    }

    private mutating func compare(_ own: [JSON], _ new: [JSON], _ found: Set<Int>) {
        for (index, each) in expressions.enumerated() {
            let isMatch = ExpressionEvaluator(event: own[index], async: new[index]).matches(each.expression.root)
            pairs += 1
            if isMatch { matches += 1 }
            guard isMatch != found.contains(index) else { continue }
            wrong.append(
                """
                round \(rounds): \(each.expression.text)
                is \(isMatch), but the database says \(!isMatch)
                \(each.match.branches)
                \(own[index])
                \(new[index])
                """)
        }
    }

    /// An event at random for every expression, each with a name and, since an id counts once, an id of its own.
    private mutating func events(_ name: String) -> [JSON] {
        var events: [JSON] = []
        for number in 0..<expressions.count {
            guard case .object(var members) = generator.event() else { continue }
            members["name"] = .string("\(name)/\(number)")
            members["id"] = .string("\(members["id"]?.string ?? "") \(rounds) \(number)")
            events.append(.object(members))
        }
        return events
    }

    private func send(_ events: [JSON]) async throws {
        let json = try PostgresJSON(JSONCoding.text(JSON.array(events)))
        try await probe.run { db in
            _ = try db.execute(
                """
                INSERT INTO nightjar.events (name, data, "user", id, ts)
                SELECT e ->> 'name', e -> 'data', e -> 'user', e ->> 'id', to_timestamp((e ->> 'ts')::numeric / 1000)
                FROM jsonb_array_elements($1) WITH ORDINALITY AS t (e, n) ORDER BY n
                """, [json])
        }
    }

    private func open(_ runs: [ClaimedRun], looksBack: Bool) async throws {
        let commits = runs.compactMap { run -> LeasedCommit? in
            guard let index = Int(run.event.name.dropFirst(4)) else { return nil }
            let wait = OpenStep.wait("wait", for: "answer/\(index)", expressions[index].match, looksBack: looksBack)
            return LeasedCommit(
                lease: run.lease, tenant: 1, openings: [wait], next: .run(.park(until: wait.dueAt, reason: .waiting)))
        }
        let accepted = try await probe.record(commits)
        guard accepted.count == expressions.count else { throw NightjarError(.timedOut, "\(accepted.count) runs wait") }
    }

    /// The expressions whose run of this round a query answers.
    private func functions(_ runs: String) async throws -> Set<Int> {
        try await probe.reporting { db in
            Set(
                try db.query(
                    "SELECT f.name FROM nightjar.live l JOIN nightjar.functions f USING (function_id) WHERE l.run_id IN (\(runs))"
                ).compactMap { Int(try $0.decode(0, as: String.self).dropFirst()) })
        }
    }
}
