import NightjarCore
import Testing

@testable import Nightjar

/// Which events match: the table that others' users know, with one decision of our own: a missing field matches nothing,
/// in every order of the operands. For policies and for waits, through the database.
struct TruthTableTests {
    /// Ways to write that the field x of both events is the same.
    enum Form: String, CaseIterable, CustomTestStringConvertible {
        case match = "match data.x"
        case ownFirst = "event.data.x == async.data.x"
        case newFirst = "async.data.x == event.data.x"

        var testDescription: String { rawValue }

        func compiled() throws -> Match {
            switch self {
            case .match: try .path("data.x")
            case .ownFirst, .newFirst: try .expression(rawValue)
            }
        }
    }

    /// What x is in the run's own event and in the new one, as JSON; nil: it is missing.
    struct Row: CustomTestStringConvertible {
        var own: String?
        var new: String?
        var isMatch: Bool

        var testDescription: String { "\(own ?? "missing") and \(new ?? "missing")" }

        static let all: [Row] = [
            ("\"a\"", "\"a\"", true), ("\"a\"", "\"A\"", false), ("1", "1", true), ("1", "1.0", true),
            ("1", "\"1\"", false), ("\"1\"", "1", false), ("true", "true", true), ("true", "false", false),
            ("false", "false", true), ("true", "\"true\"", false), ("1", "true", false), ("0", "false", false),
            ("null", "null", true), ("\"\"", "\"\"", true), ("\"\"", "null", false), ("0", "null", false),
            // Elsewhere these three match.
            (nil, nil, false), (nil, "null", false), ("null", nil, false),
            (nil, "\"a\"", false), ("\"a\"", nil, false), (nil, "{}", false), ("[]", nil, false),
            ("[1, \"b\"]", "[1.0, \"b\"]", true), ("[1, 2]", "[2, 1]", false), ("[1]", "1", false), ("[]", "[]", true),
            ("{\"a\": 1, \"b\": [2]}", "{\"b\": [2.0], \"a\": 1}", true),
            ("{\"a\": 1}", "{\"a\": 1, \"b\": null}", false),
            ("{}", "{}", true), ("{}", "[]", false), ("\"é\"", "\"e\\u0301\"", false),
        ].map { Row(own: $0.0, new: $0.1, isMatch: $0.2) }

        static func data(_ value: String?) -> String { value.map { "{\"x\": \($0)}" } ?? "{\"y\": 1}" }
    }

    @Test("The truth table", arguments: Row.all, Form.allCases)
    func table(_ row: Row, form: Form) async throws {
        let verdict = try await MatchBench.shared.verdict(
            form.compiled(), own: Row.data(row.own), new: Row.data(row.new))
        #expect(verdict == (row.isMatch ? .match : .noMatch))
    }

    @Test(
        "Paths: nested, in brackets, with indexes",
        arguments: [
            ("data.a.b", #"{"a": {"b": 1}}"#, #"{"a": {"b": 1, "c": 2}}"#, true),
            ("data.a.b", #"{"a": {"b": 1}}"#, #"{"a.b": 1}"#, false),
            ("data.a.b", #"{"a": 1}"#, #"{"a": 1}"#, false),
            ("data.a.b", #"{"a": null}"#, #"{"a": null}"#, false),
            (#"data["x-y"]"#, #"{"x-y": "v"}"#, #"{"x-y": "v"}"#, true),
            (#"data["x-y"]["z \" \\"]"#, #"{"x-y": {"z \" \\": 1}}"#, #"{"x-y": {"z \" \\": 1}}"#, true),
            (#"data["é.😀"]"#, #"{"é.😀": 1}"#, #"{"é.😀": 1}"#, true),
            ("data.list[0]", #"{"list": ["a", "b"]}"#, #"{"list": ["a"]}"#, true),
            ("data.list[1]", #"{"list": ["a", "b"]}"#, #"{"list": ["b"]}"#, false),
            ("data.list[1].id", #"{"list": [1, {"id": 7}]}"#, #"{"list": [2, {"id": 7}]}"#, true),
            ("data.list[0]", #"{"list": "abc"}"#, #"{"list": "abc"}"#, false),
            // An index is also the name of an object's field.
            ("data.list[0]", #"{"list": ["a"]}"#, #"{"list": {"0": "a"}}"#, true),
        ])
    func paths(path: String, own: String, new: String, isMatch: Bool) async throws {
        for match in [try Match.path(path), try .expression("async.\(path) == event.\(path)")] {
            let verdict = try await MatchBench.shared.verdict(match, own: own, new: new)
            #expect(verdict == (isMatch ? .match : .noMatch), "\(match.text ?? "")")
        }
    }

    @Test("Two paths: that of the run's own event, and that of the new one", arguments: [true, false])
    func twoPaths(isRightWay: Bool) async throws {
        let (own, new) = (#"{"postID": "p"}"#, #"{"id": "p"}"#)
        let match = Match(try FieldPath("data.postID"), with: try FieldPath("data.id"))
        let verdict = try await MatchBench.shared.verdict(
            match, own: isRightWay ? own : new, new: isRightWay ? new : own)
        #expect(verdict == (isRightWay ? .match : .noMatch))
    }

    @Test(
        "Wildcards in the name of the new event",
        arguments: [
            ("$/*", "$/post.deleted", true), ("$/post.*", "$/post.deleted", true), ("$/post.*", "$/post", false),
            ("$/post.*", "$/posts.deleted", false), ("$/*", "$", false), ("$/post.deleted", "$/post.deleted", true),
            ("$/post.deleted", "$/post.deleted.twice", false), ("$/*", "other/$/post", false),
            ("$/post_*".replacing("_", with: "."), "$/post.%", true),
        ])
    func wildcards(pattern: String, name: String, isMatch: Bool) async throws {
        for (match, ids) in [(try Match.path("data.id"), true), (.all, true), (try .path("data.id"), false)] {
            let verdict = try await MatchBench.shared.verdict(
                match, own: #"{"id": 1}"#, new: ids ? #"{"id": 1}"# : #"{"id": 2}"#, pattern: pattern, name: name)
            #expect(verdict == (isMatch && ids ? .match : .noMatch), "\(match.text ?? "all")")
        }
    }

    @Test("After all that no invariant is violated")
    func invariants() async throws {
        _ = try await MatchBench.shared.verdict(.all, own: "{}", new: "{}")
        let violations = try await MatchBench.shared.violations()
        #expect(violations == [])
    }
}
