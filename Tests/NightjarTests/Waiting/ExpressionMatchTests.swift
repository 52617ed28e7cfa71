import NightjarCore
import Testing

@testable import Nightjar

/// Expressions as policies and as waits, through the database: whatever of them the match index looks up, and whatever
/// is left to be evaluated.
struct ExpressionMatchTests {
    /// An expression, the data of the run's own event, that of the new one, and whether they match.
    struct Case: CustomTestStringConvertible {
        var expression: String
        var own: String
        var new: String
        var isMatch: Bool

        init(_ expression: String, _ own: String, _ new: String, _ isMatch: Bool) {
            (self.expression, self.own, self.new, self.isMatch) = (expression, own, new, isMatch)
        }

        var testDescription: String { "\(expression) of \(own) and \(new)" }
    }

    private func check(_ example: Case) async throws {
        let verdict = try await MatchBench.shared.verdict(
            .expression(example.expression), own: example.own, new: example.new)
        #expect(verdict == (example.isMatch ? .match : .noMatch))
    }

    @Test(
        "A missing field matches nothing, whatever the operator",
        arguments: [
            Case("async.data.x != 'a'", "{}", "{}", false), Case("'a' != async.data.x", "{}", "{}", false),
            Case("event.data.x != async.data.x", "{}", #"{"x": 1}"#, false),
            Case("event.data.x != async.data.x", #"{"x": 1}"#, "{}", false),
            Case("event.data.x != async.data.x", #"{"x": 1}"#, #"{"x": null}"#, true),
            Case("!(async.data.x == 'a')", "{}", "{}", false), Case("!(async.data.x == 'a')", "{}", #"{"x": 1}"#, true),
            Case("!async.data.x", "{}", "{}", false), Case("!async.data.x", "{}", #"{"x": false}"#, true),
            Case("async.data.x == null", "{}", "{}", false), Case("null == async.data.x", "{}", "{}", false),
            Case("null == async.data.x", "{}", #"{"x": null}"#, true),
            Case("event.data.x == null", "{}", "{}", false), Case("event.data.x == null", #"{"x": null}"#, "{}", true),
            Case("async.data.x in [null]", "{}", "{}", false), Case("event.data.x in async.data.x", "{}", "{}", false),
            Case("async.data.x <= 3", "{}", "{}", false), Case("async.data.x <= 3", "{}", #"{"x": "3"}"#, false),
            Case("has(async.data.x)", "{}", "{}", false), Case("has(async.data.x)", "{}", #"{"x": null}"#, true),
            Case("!has(async.data.x)", "{}", "{}", true),
            Case("async.data.x != 1 || true == false", "{}", "{}", false),
        ])
    func missing(_ example: Case) async throws { try await check(example) }

    @Test(
        "Comparisons with literals, and fields that are true",
        arguments: [
            Case("async.data.x == 'a'", "{}", #"{"x": "a"}"#, true),
            Case("'a' == async.data.x", "{}", #"{"x": "b"}"#, false),
            Case("async.data.x == 1", "{}", #"{"x": 1.0}"#, true),
            Case("async.data.x == 1.0", "{}", #"{"x": 1}"#, true),
            Case("async.data.x == '1'", "{}", #"{"x": 1}"#, false),
            Case("async.data.x == [1, 'b']", "{}", #"{"x": [1, "b"]}"#, true),
            Case("async.data.done", "{}", #"{"done": true}"#, true),
            Case("async.data.done", "{}", #"{"done": 1}"#, false),
            Case("async.data.done", "{}", #"{"done": "true"}"#, false),
            Case("event.data.id == async.data.id && async.data.done", #"{"id": 1}"#, #"{"id": 1, "done": true}"#, true),
            Case(
                "event.data.id == async.data.id && async.data.done", #"{"id": 1}"#, #"{"id": 1, "done": false}"#, false),
            Case(
                "event.data.id == async.data.id && async.data.done", #"{"id": 1}"#, #"{"id": 2, "done": true}"#, false),
            Case(
                "event.data.a == async.data.a && async.data.b == event.data.b", #"{"a": 1, "b": 2}"#,
                #"{"a": 1, "b": 2}"#, true),
            Case(
                "event.data.a == async.data.a && async.data.b == event.data.b", #"{"a": 1, "b": 2}"#,
                #"{"a": 2, "b": 1}"#, false),
            Case(
                "event.data.a == async.data.b && event.data.b == async.data.a", #"{"a": 1, "b": 2}"#,
                #"{"a": 2, "b": 1}"#, true),
        ])
    func literals(_ example: Case) async throws { try await check(example) }

    @Test(
        "in: lists that are written out, of the new event, of the run's own event",
        arguments: [
            Case("async.data.x in ['a', 'b', 3]", "{}", #"{"x": "b"}"#, true),
            Case("async.data.x in ['a', 'b', 3]", "{}", #"{"x": 3.0}"#, true),
            Case("async.data.x in ['a', 'b', 3]", "{}", #"{"x": "c"}"#, false),
            Case(
                "async.data.x in [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", "{}", #"{"x": 17}"#, true),
            Case("event.data.id in async.data.ids", #"{"id": 2}"#, #"{"ids": [1, 2, 2, 3]}"#, true),
            Case("event.data.id in async.data.ids", #"{"id": 4}"#, #"{"ids": [1, 2, 3]}"#, false),
            Case("event.data.id in async.data.ids", #"{"id": 4}"#, #"{"ids": []}"#, false),
            Case("event.data.id in async.data.ids", #"{"id": [1]}"#, #"{"ids": [1, [1]]}"#, true),
            Case("event.data.id in async.data.ids", #"{"id": "k"}"#, #"{"ids": {"k": 1}}"#, true),
            Case("event.data.id in async.data.ids", #"{"id": 1}"#, #"{"ids": {"1": 1}}"#, false),
            Case("event.data.id in async.data.ids", #"{"id": "a"}"#, #"{"ids": "abc"}"#, false),
            Case("'all' in async.data.ids", "{}", #"{"ids": ["some", "all"]}"#, true),
            Case("async.data.id in event.data.ids", #"{"ids": ["a", "b"]}"#, #"{"id": "b"}"#, true),
            Case("async.data.id in event.data.ids", #"{"ids": ["a", "b"]}"#, #"{"id": "c"}"#, false),
            Case("async.data.id in event.data.ids", #"{"ids": {"a": 1}}"#, #"{"id": "a"}"#, true),
            Case("async.data.id in event.data.ids", #"{"ids": [1, 1.0, 1]}"#, #"{"id": 1}"#, true),
            Case(
                "async.data.id in event.data.ids && event.data.x in async.data.xs", #"{"ids": [1, 2], "x": 5}"#,
                #"{"id": 2, "xs": [4, 5]}"#, true),
            Case(
                "async.data.id in event.data.ids && async.data.x in event.data.xs", #"{"ids": [1], "xs": [2]}"#,
                #"{"id": 1, "x": 1}"#, false),
        ])
    func lists(_ example: Case) async throws { try await check(example) }

    @Test(
        "Guards, alternatives, and what is left to be evaluated",
        arguments: [
            Case("event.data.paid && event.data.id == async.data.id", #"{"id": 1, "paid": true}"#, #"{"id": 1}"#, true),
            Case(
                "event.data.paid && event.data.id == async.data.id", #"{"id": 1, "paid": false}"#, #"{"id": 1}"#, false),
            Case("event.data.paid && event.data.id == async.data.id", #"{"id": 1}"#, #"{"id": 1}"#, false),
            Case("event.data.x", #"{"x": true}"#, "{}", true), Case("event.data.x == 2", #"{"x": 1}"#, "{}", false),
            Case(
                "event.data.a == async.data.a || event.data.b == async.data.b", #"{"a": 1, "b": 2}"#, #"{"a": 1}"#, true
            ),
            Case(
                "event.data.a == async.data.a || event.data.b == async.data.b", #"{"a": 1, "b": 2}"#, #"{"b": 2}"#, true
            ),
            Case(
                "event.data.a == async.data.a || event.data.b == async.data.b", #"{"a": 1, "b": 2}"#,
                #"{"a": 2, "b": 1}"#, false),
            Case(
                "event.data.a == async.data.a || event.data.b == async.data.b", #"{"b": 2}"#, #"{"a": 1, "b": 2}"#, true
            ),
            Case(
                "event.data.id == async.data.id && (async.data.n > 10 || async.data.force)", #"{"id": 1}"#,
                #"{"id": 1, "n": 11}"#, true),
            Case(
                "event.data.id == async.data.id && (async.data.n > 10 || async.data.force)", #"{"id": 1}"#,
                #"{"id": 1, "n": 10, "force": true}"#, true),
            Case(
                "event.data.id == async.data.id && (async.data.n > 10 || async.data.force)", #"{"id": 1}"#,
                #"{"id": 1, "n": 10}"#, false),
            Case("async.data.n + event.data.n > 10", #"{"n": 4}"#, #"{"n": 7}"#, true),
            Case("async.data.n + event.data.n > 10", #"{"n": 4}"#, #"{"n": 6}"#, false),
            Case("async.data.name.startsWith(event.data.prefix)", #"{"prefix": "ab"}"#, #"{"name": "abc"}"#, true),
            Case("async.data.name.startsWith(event.data.prefix)", #"{"prefix": "ab"}"#, #"{"name": "ba"}"#, false),
            Case("size(async.data.list) == event.data.n", #"{"n": 2}"#, #"{"list": [1, 2]}"#, true),
            Case("async.data.list[event.data.n] == 'x'", #"{"n": 1}"#, #"{"list": ["y", "x"]}"#, true),
            Case("async.data.x / 0 == 1 || async.data.id == event.data.id", #"{"id": 1}"#, #"{"id": 1, "x": 1}"#, true),
        ])
    func rest(_ example: Case) async throws { try await check(example) }

    @Test("What can never match is refused, with the place")
    func never() {
        let error = #expect(throws: EventExpression.SyntaxError.self) {
            _ = try Match.expression("event.data.id == async.data.id && 1 == 2")
        }
        #expect(error?.position == 35)
    }
}
