import Testing

@testable import NightjarCore

/// What a priority may be besides an expression: a choice.
struct PriorityExpressionTests {
    @Test(
        "A choice is stored by its parts; what stands in strings and brackets is none",
        arguments: [
            ("event.data.a", nil),
            ("event.data.a ? 1 : 0", ["event.data.a", "1", "0"]),
            (#"event.data.a == "b ? c : d" ? 120 : -1"#, [#"event.data.a == "b ? c : d""#, "120", "-1"]),
            (#"event.data.a == 'it\'s ? ' ? 2 : 3"#, [#"event.data.a == 'it\'s ? '"#, "2", "3"]),
            (#"event.data["x ? y : z"] ? 1 : 0"#, [#"event.data["x ? y : z"]"#, "1", "0"]),
        ] as [(String, [String]?)])
    func choices(text: String, parts: [String]?) throws {
        let stored = try PriorityExpression(text).stored
        guard let parts else {
            #expect(stored == (try EventExpression(text, scope: .filter).stored))
            return
        }
        let expected = try parts.map { try EventExpression($0, scope: .filter).stored }
        #expect(stored == .array(["?"] + expected))
    }

    @Test("Choices may be in the places of both values")
    func nested() throws {
        let stored = try PriorityExpression("event.data.a ? event.data.b ? 3 : 2 : event.data.c ? 1 : 0").stored
        let inner = try (
            PriorityExpression("event.data.b ? 3 : 2").stored, PriorityExpression("event.data.c ? 1 : 0").stored
        )
        #expect(stored.array?[2] == inner.0 && stored.array?[3] == inner.1)
    }

    @Test(
        "What cannot be read is told",
        arguments: ["event.data.", "event.data.a ? 1", "? :", "event.data.a ? : 1", "(a ? 1 : 0)"])
    func refusals(text: String) {
        #expect(throws: EventExpression.SyntaxError.self) { try PriorityExpression(text) }
    }
}
