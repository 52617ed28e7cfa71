import ExpressionTesting
import Foundation
import NightjarCore
import NightjarTesting
import Testing

@testable import Nightjar

/// Expressions and events at random: the database against the plain evaluator.
struct ExpressionPropertyTests {
    @Test("nightjar.evaluate says what the documentation says, of 6,000 expressions")
    func values() async throws {
        var generator = ExpressionGenerator(seed: 11)
        var samples: [(text: String, sample: String)] = []
        var kinds: [String: Int] = [:]
        for number in 0..<6_000 {
            let expression = try EventExpression(generator.expression(depth: 1 + number % 3), scope: .match)
            let (event, async) = (generator.event(), generator.event())
            let value = ExpressionEvaluator(event: event, async: async).value(of: expression.root)
            kinds[value.map { "\($0.json.prefix(1))" } ?? "missing", default: 0] += 1
            let parts = [
                try JSONCoding.text(expression.stored), try JSONCoding.text(event), try JSONCoding.text(async),
                value?.json,
            ]
            samples.append((expression.text, "[\(parts.compactMap(\.self).joined(separator: ","))]"))
        }
        let json = PostgresJSON("[\(samples.map(\.sample).joined(separator: ","))]")
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let wrong = try await probe.run { db in
                try db.query(
                    """
                    SELECT n::int, coalesce(v.value::text, 'missing'), s::text
                    FROM jsonb_array_elements($1) WITH ORDINALITY AS t (s, n)
                    CROSS JOIN LATERAL (SELECT nightjar.evaluate(s -> 0, s -> 1, s -> 2) AS value OFFSET 0) v
                    WHERE v.value IS DISTINCT FROM s -> 3 ORDER BY n
                    """, [json]
                ).map {
                    (
                        Int(try $0.decode(0, as: Int32.self)), try $0.decode(1, as: String.self),
                        try $0.decode(2, as: String.self)
                    )
                }
            }
            for (number, value, sample) in wrong.prefix(3) {
                Issue.record("\(samples[number - 1].text)\nis \(value) in the database\n\(sample)")
            }
            #expect(wrong.isEmpty)
        }
        // Else the samples say little.
        for kind in ["t", "f", "missing"] { #expect(kinds[kind, default: 0] > 500, "\(kinds)") }
    }

    @Test("What the index finds and the rest leaves is what the whole expression says, for policies and for waits")
    func matches() async throws {
        var lab = try await MatchLab(expressions: 400, seed: 12, database: .make())
        // Waits that look back first when the places are not known yet, then when events carry their keys.
        for order in [MatchLab.Order.eventFirst, .waitFirst, .eventFirst, .waitFirst, .waitFirst] {
            try await lab.round(order)
        }
        for wrong in lab.wrong.prefix(3) { Issue.record("\(wrong)") }
        #expect(lab.wrong.isEmpty)
        #expect(lab.pairs == 4_000)
        #expect(lab.matches > lab.pairs / 10)
        #expect(lab.matches < lab.pairs / 2)
        let violations = try await lab.probe.violations()
        #expect(violations == [])
    }
}

extension ExpressionValue {
    /// As JSON text, with every digit.
    fileprivate var json: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let text): (try? JSONCoding.text(text)) ?? "null"
        case .array(let values): "[\(values.map(\.json).joined(separator: ","))]"
        case .object(let members):
            "{\(members.map { "\(ExpressionValue.string($0.key).json):\($0.value.json)" }.joined(separator: ","))}"
        }
    }
}
