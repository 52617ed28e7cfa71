import ExpressionTesting
import NightjarCore
import Testing

/// The evaluator that others are compared with has to be right itself.
@Suite("The meaning of expressions")
struct EvaluatorTests {
    private static let event: JSON = [
        "id": "e1", "name": "t/a", "ts": 1000,
        "data": ["a": "x", "n": 7, "nothing": nil, "l": [1, "a", nil], "o": ["k": 1], "s": "aé😀", "yes": true],
    ]
    private static let async: JSON = [
        "id": "e2", "name": "t/b", "ts": 2000, "data": ["a": "x", "one": 1.0, "k": "k", "zero": 0, "f": 0.1],
    ]

    /// What an expression is: JSON text, or `missing`.
    @Test(
        arguments: [
            ("event.data.a == async.data.a", "true"), ("1 == 1.0", "true"), ("'1' != 1", "true"),
            ("'a' == 'A'", "false"),
            ("async.data.x == 'a'", "missing"), ("async.data.x != 'a'", "missing"),
            ("!(async.data.x == 'a')", "missing"),
            ("async.data.x == null", "missing"), ("event.data.nothing == null", "true"),
            ("async.data.x == event.data.x", "missing"),
            ("async.data.x && false", "false"), ("false && async.data.x", "false"), ("async.data.x && true", "missing"),
            ("async.data.x || true", "true"), ("async.data.x || false", "missing"), ("1 || false", "missing"),
            ("1 && true", "missing"), ("1 && false", "false"), ("!1", "missing"), ("!event.data.yes", "false"),
            ("has(event.data.nothing)", "true"), ("has(async.user.id)", "false"), ("has(event.data.l[2])", "true"),
            ("[1, 2] == [1.0, 2]", "true"), ("[1, 2] == [2, 1]", "false"), ("[async.data.x]", "missing"),
            ("1 < 2", "true"), ("'a' < 'b'", "true"), ("'Z' < 'a'", "true"), ("1 < 'a'", "missing"),
            ("null < 1", "missing"),
            ("2 <= 2", "true"), ("2 >= 3", "false"), ("'b' > 'a'", "true"), ("true < false", "missing"),
            ("'a' in event.data.l", "true"), ("null in event.data.l", "true"), ("2 in event.data.l", "false"),
            ("'k' in event.data.o", "true"), ("1 in event.data.o", "missing"), ("'x' in 'xy'", "missing"),
            ("size(event.data.s)", "3"), ("event.data.l.size()", "3"), ("size(event.data.o)", "1"),
            ("size(1)", "missing"),
            ("7 / 2", "3.5"), ("1 / 0", "missing"), ("1 % 0", "missing"), ("-7 % 3", "-1"), ("7 % -3", "1"),
            ("0.1 + 0.2 == 0.3", "true"),
            ("'a' + 'b'", "\"ab\""), ("'a' + 1", "missing"), ("-'a'", "missing"), ("2 * 3 - 1", "5"),
            ("5.5 % 2", "1.5"),
            ("event.data.o[async.data.k]", "1"), ("event.data.l[async.data.one]", "\"a\""),
            ("event.data.l[async.data.f]", "missing"),
            ("event.data.l[async.data.k]", "missing"), ("event.data.o[async.data.one]", "missing"),
            ("event.data.l[async.data.zero - 1]", "missing"), ("[[1], 2][0][0]", "1"),
            ("'abc'.startsWith('ab')", "true"), ("'abc'.endsWith('bc')", "true"), ("'abc'.contains('d')", "false"),
            ("'abc'.contains('')", "true"), ("'abc'.startsWith(1)", "missing"), ("async.ts - event.ts", "1000"),
        ])
    func value(text: String, result: String) throws {
        let evaluator = ExpressionEvaluator(event: Self.event, async: Self.async)
        let value = evaluator.value(of: try EventExpression(text, scope: .match).root)

        let expected = result == "missing" ? nil : ExpressionValue(try JSONCoding.value(JSON.self, from: result))
        #expect(value == expected)
    }
}
