import Foundation
package import NightjarCore

/// Makes up expressions and pairs of events that they are about, always the same ones from the same seed.
///
/// Numbers are such that every arithmetic on them is exact in decimal digits, as long as nothing is divided by a sum.
package struct ExpressionGenerator {
    private var random: SeededGenerator

    package init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    /// Makes an expression over both events, of a few levels.
    package mutating func expression(depth: Int = 3) -> String { condition(depth) }

    /// Makes an event: every field may be missing, null or of any type.
    package mutating func event() -> JSON {
        var data: [String: JSON] = [:]
        for name in ["a", "b", "c", "x-y"] where chance(4, of: 5) { data[name] = value() }
        for name in ["ids", "tags"] where chance(4, of: 5) {
            data[name] = chance(4, of: 5) ? .array((0..<roll(4)).map { _ in value() }) : value()
        }
        if chance(4, of: 5) { data["o"] = object() }
        var event: [String: JSON] = [
            "id": chance(1, of: 2) ? "e1" : "e2", "name": "test/event", "ts": chance(1, of: 2) ? 1 : 2_000,
            "data": .object(data),
        ]
        if chance(2, of: 3) { event["user"] = object() }
        return .object(event)
    }

    private mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &random) }
    private mutating func chance(_ part: Int, of all: Int) -> Bool { roll(all) < part }
    private mutating func pick<Element>(_ elements: [Element]) -> Element { elements[roll(elements.count)] }

    private static let scalars: [JSON] = [
        .null, true, false, 0, 1, 1.0, 2, -1, 0.1, 0.2, 0.3, "", "a", "b", "ab", "1", "é", "\"\\\n",
    ]

    private mutating func value() -> JSON {
        switch roll(12) {
        case 0: .array((0..<roll(3)).map { _ in pick(Self.scalars) })
        case 1: object()
        // Often the same ones: two events that have nothing in common say little about matching.
        case 2...6: pick([1, 1.0, "a", true])
        default: pick(Self.scalars)
        }
    }

    private mutating func object() -> JSON {
        var members: [String: JSON] = [:]
        for name in ["a", "k", "1"] where chance(2, of: 3) { members[name] = pick(Self.scalars) }
        return .object(members)
    }

    private mutating func path(_ root: String? = nil) -> String {
        let root = root ?? pick(["event", "async"])
        return root
            + pick([
                ".data.a", ".data.a", ".data.b", ".data.b", ".data.c", ".data[\"x-y\"]", ".data.ids", ".data.tags",
                ".data.o", ".data.o.k", ".data.o.a", ".data.o[1]", ".data.ids[0]", ".data.ids[1]", ".data.ids[\"-1\"]",
                ".data.ids[\"01\"]", ".user.a", ".user[\"k\"]", ".id",
                ".name", ".ts", ".data.none",
            ])
    }

    private mutating func list(_ root: String) -> String {
        root + pick([".data.ids", ".data.ids", ".data.tags", ".data.o", ".user", ".data.a"])
    }

    private mutating func literal() -> String { Self.text(chance(1, of: 8) ? value() : pick(Self.scalars)) }

    private static func text(_ value: JSON) -> String {
        switch value {
        case .object: "null"
        case .array(let values): "[\(values.map(text).joined(separator: ", "))]"
        case .string(let text) where !text.contains("\"") && !text.contains("\\"): "'\(text)'"
        case .null, .bool, .integer, .number, .string: (try? JSONCoding.text(value)) ?? "null"
        }
    }

    private mutating func literals() -> String {
        "[\((0..<(chance(1, of: 10) ? 17 : roll(4))).map { _ in literal() }.joined(separator: ", "))]"
    }

    private mutating func condition(_ depth: Int) -> String {
        switch depth > 0 ? roll(20) : 8 + roll(12) {
        case 0...3: joined("&&", depth)
        case 4...6: joined("||", depth)
        case 7: "!(\(condition(depth - 1)))"
        case 8, 9: sameField()
        case 10: "\(path("async")) == \(path("event"))"
        case 11: chance(1, of: 2) ? "\(path()) == \(literal())" : "\(literal()) == \(path())"
        case 12: chance(1, of: 2) ? "\(path("async")) in \(list("event"))" : "\(path("event")) in \(list("async"))"
        case 13: chance(1, of: 2) ? "\(literal()) in \(list("async"))" : "\(path("async")) in \(literals())"
        case 14: path()
        case 15: "has(\(path()))"
        case 16: "\(operand(depth)).\(pick(["startsWith", "endsWith", "contains"]))(\(operand(depth)))"
        case 17: "\(operand(depth)) in \(operand(depth))"
        case 18: pick(["true", "false", "null == null", "1 != 1.0", "'a' in ['b', 'a']"])
        default: "\(operand(depth)) \(pick(["==", "!=", "<", "<=", ">", ">="])) \(operand(depth))"
        }
    }

    private mutating func sameField() -> String {
        let field = path("")
        return chance(1, of: 2) ? "event\(field) == async\(field)" : "async\(field) == event\(field)"
    }

    private mutating func index() -> String {
        switch roll(4) {
        case 0: path()
        case 1: "\(path()) + 1"
        case 2: "2 - 1"
        default: "'k' + ''"
        }
    }

    private mutating func joined(_ symbol: String, _ depth: Int) -> String {
        (0..<2 + roll(3)).map { _ in
            let part = condition(depth - 1)
            return chance(1, of: 4) ? part : "(\(part))"
        }.joined(separator: " \(symbol) ")
    }

    private mutating func operand(_ depth: Int) -> String {
        switch depth > 0 ? roll(14) : roll(8) {
        case 0...5: path()
        case 6, 7: literal()
        case 8: "(\(operand(depth - 1)) \(pick(["+", "-", "*"])) \(operand(depth - 1)))"
        case 9: "(\(operand(depth - 1)) \(pick(["/", "%"])) \(pick(["0", "2", "4", "-5", "0.5", "null"])))"
        case 10: chance(1, of: 2) ? "size(\(operand(depth - 1)))" : "\(path()).size()"
        case 11: "-(\(operand(depth - 1)))"
        case 12: "\(list(pick(["event", "async"])))[\(index())]"
        default: "[\(operand(depth - 1)), \(operand(depth - 1))]\(pick(["", "[0]", "[1]", ".k"]))"
        }
    }
}
