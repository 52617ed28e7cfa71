import NightjarCore
import Testing

@Suite("What the match index makes of expressions")
struct MatchTests {
    /// A branch, as one line: `trigger | event`, and where there are some `| guard` and `| condition`.
    private static func line(_ branch: MatchBranch) throws -> String {
        let (guardExpression, condition) = (branch.guardExpression, branch.condition)
        return [
            branch.triggerPath.joined(separator: " "), branch.eventPath.joined(separator: " "),
            try guardExpression.map { "guard " + (try JSONCoding.text($0)) },
            try condition.map { "where " + (try JSONCoding.text($0)) },
        ].compactMap(\.self).joined(separator: " | ")
    }

    private static func match(_ text: String) throws -> Match {
        try EventExpression(text, scope: .match).match()
    }

    @Test(
        "comparisons become keys, in either order of their operands",
        arguments: [
            ("event.data.a == async.data.a", ["data a | data a"]),
            ("async.data.id == event.data.a", ["data a | data id"]),
            ("async.user == event.user", ["user | user"]),
            ("(event.data.a) == async.data.a && true", ["data a | data a"]),
            (
                "event.data.b == async.data.b && async.data.a == event.data.c",
                [#" ["data","c"] ["data","b"] |  ["data","a"] ["data","b"]"#]
            ),
            (
                "event.data.a == async.data.a && async.data.kind == 'x'",
                [#" ["data","a"] {"is":"x"} |  ["data","a"] ["data","kind"]"#]
            ),
            ("null == async.data.a", [#" {"is":null} |  ["data","a"]"#]),
            ("async.data.a == ['x', 1.0]", [#" {"is":["x",1]} |  ["data","a"]"#]),
            ("async.data.a == -1", [#" {"is":-1} |  ["data","a"]"#]),
            ("async.data.done", [#" {"is":true} |  ["data","done"]"#]),
            ("event.id == async.data.a && event.id == async.data.a", ["id | data a"]),
            ("async.data.a in event.data.ids", [#" {"each":["data","ids"]} |  ["data","a"]"#]),
            ("event.data.a in async.data.ids", [#" ["data","a"] |  {"each":["data","ids"]}"#]),
            ("'x' in async.data.ids", [#" {"is":"x"} |  {"each":["data","ids"]}"#]),
            (
                "event.data.a in async.data.x && async.data.b in event.data.y",
                [#" {"each":["data","y"]} ["data","a"] |  ["data","b"] {"each":["data","x"]}"#]
            ),
            (
                "event.data.a in async.data.x && event.data.b in async.data.y",
                [
                    #" ["data","a"] |  {"each":["data","x"]} | where ["in",["event","data","b"],["async","data","y"]]"#
                ]
            ),
        ])
    func keys(text: String, branches: [String]) throws {
        #expect(try Self.match(text).branches.map(Self.line) == branches)
        #expect(try Self.match(text).warnings.isEmpty)
        #expect(try Self.match(text).text == "if \(text)")
    }

    @Test(
        "what only the trigger decides is a guard, and what is left over a condition",
        arguments: [
            (
                "event.data.plan == 'pro' && event.data.a == async.data.a",
                [#"data a | data a | guard ["==",["event","data","plan"],["lit","pro"]]"#]
            ),
            (
                "event.data.x && has(event.data.y) && async.data.a == event.data.a && async.data.n > 3",
                [
                    #"data a | data a | guard ["&&",["event","data","x"],["has",["event","data","y"]]]"#
                        + #" | where [">",["async","data","n"],["lit",3]]"#
                ]
            ),
            (
                "async.data.a == event.data.a && async.data.b != event.data.b && async.data.a == async.data.c",
                [
                    #"data a | data a | where ["&&",["!=",["async","data","b"],["event","data","b"]],"#
                        + #"["==",["async","data","a"],["async","data","c"]]]"#
                ]
            ),
            ("event.data.a == 1", [#" |  | guard ["==",["event","data","a"],["lit",1]]"#]),
            (
                "async.data.a == event.data.a && (async.data.b == 1 || async.data.c == 2)",
                [
                    #"data a | data a | where ["||",["==",["async","data","b"],["lit",1]],["==",["async","data","c"],["lit",2]]]"#
                ]
            ),
            ("true", [" | "]),
            ("1 < 2", [#" |  | guard ["<",["lit",1],["lit",2]]"#]),
        ])
    func conditions(text: String, branches: [String]) throws {
        #expect(try Self.match(text).branches.map(Self.line) == branches)
        #expect(try Self.match(text).warnings.isEmpty)
    }

    @Test(
        "alternatives are looked up each for itself",
        arguments: [
            (
                "event.data.a == async.data.a || event.data.b == async.data.b && async.data.n > 1",
                ["data a | data a", #"data b | data b | where [">",["async","data","n"],["lit",1]]"#]
            ),
            (
                "async.data.a in ['x', 'y', 'x']",
                [#" {"is":"x"} |  ["data","a"]"#, #" {"is":"y"} |  ["data","a"]"#]
            ),
            (
                "(async.data.a == event.data.a || async.data.b == event.data.b) && event.data.c && async.data.n > 1",
                [
                    #"data a | data a | guard ["event","data","c"] | where [">",["async","data","n"],["lit",1]]"#,
                    #"data b | data b | guard ["event","data","c"] | where [">",["async","data","n"],["lit",1]]"#,
                ]
            ),
            (
                "false || async.data.a == event.data.a || 1 == 2 && async.data.b == event.data.b",
                ["data a | data a"]
            ),
            (
                "event.data.all == true || async.data.a == event.data.a",
                [#" |  | guard ["==",["event","data","all"],["lit",true]]"#, "data a | data a"]
            ),
            (
                "async.data.a in ['x'] && async.data.b == event.data.b",
                [#"data b | data b | where ["in",["async","data","a"],["list",["lit","x"]]]"#]
            ),
        ])
    func alternatives(text: String, branches: [String]) throws {
        #expect(try Self.match(text).branches.map(Self.line) == branches)
        #expect(try Self.match(text).warnings.isEmpty)
    }

    @Test(
        "what no key relates to the run is looked at run by run, with a warning",
        arguments: [
            ("async.data.n > event.data.n", [#" |  | where [">",["async","data","n"],["event","data","n"]]"#]),
            (
                "async.data.kind == 'x' && async.data.n > event.data.n",
                [#" {"is":"x"} |  ["data","kind"] | where [">",["async","data","n"],["event","data","n"]]"#]
            ),
            (
                // One of the alternatives would have no key: all runs would be looked at all the same.
                "(async.data.a == event.data.a || async.data.n > event.data.n) && event.data.b",
                [
                    #" |  | guard ["event","data","b"] | where ["||",["==",["async","data","a"],["event","data","a"]],"#
                        + #"[">",["async","data","n"],["event","data","n"]]]"#
                ]
            ),
            ("!async.data.a", [#" |  | where ["!",["async","data","a"]]"#]),
            (
                "async.data.o[event.data.k] == 1",
                [#" |  | where ["==",["at",["async","data","o"],["event","data","k"]],["lit",1]]"#]
            ),
        ])
    func unindexed(text: String, branches: [String]) throws {
        let match = try Self.match(text)

        #expect(try match.branches.map(Self.line) == branches)
        #expect(match.warnings.count == 1)
        #expect(match.warnings[0].contains("every waiting run of the function is looked at for each such event"))
    }

    @Test("at most sixteen alternatives are looked up each for itself")
    func mostBranches() throws {
        func list(_ count: Int) -> String { "[" + (0..<count).map(String.init).joined(separator: ", ") + "]" }
        func any(_ count: Int) -> String {
            (0..<count).map { "async.data.f\($0) == event.data.f\($0)" }.joined(separator: " || ")
        }

        #expect(try Self.match("async.data.a in \(list(16))").branches.count == 16)
        #expect(try Self.match("async.data.a in \(list(17))").branches.count == 1)
        #expect(try Self.match(any(16)).branches.count == 16)
        #expect(try Self.match(any(17)).branches.count == 1)
        #expect(try Self.match("(\(any(16))) && event.data.x").branches.count == 16)
        #expect(try Self.match("(\(any(17))) && event.data.x").branches.count == 1)
        // The second list has no room beside the first.
        let two = try Self.match("async.data.a in \(list(10)) || async.data.b in \(list(7))").branches
        #expect(two.count == 11)
        #expect(two.last?.condition != nil)
        #expect(try Self.match("async.data.a in \(list(10)) || async.data.b in \(list(6))").branches.count == 16)
    }

    @Test(
        "what can never match is refused, with its place",
        arguments: [
            ("false", 1), ("async.data.a == event.data.a && false", 33), ("1 == 2", 1), ("'a' == 1", 1), ("null", 1),
            ("async.data.a + 1", 1), ("event.data.a && [true]", 17), ("async.data.a in []", 1),
            ("'c' in ['a', 'b']", 1),
            ("size(async.data.a)", 1), ("!true || false && async.data.a", 1), ("-async.ts", 1),
            ("!(async.data.a || true)", 1),
            ("'é' == 'e\u{301}'", 1),
        ])
    func never(text: String, position: Int) throws {
        let expression = try EventExpression(text, scope: .match)
        let error = try #require(throws: EventExpression.SyntaxError.self) { try expression.match() }

        #expect(error.position == position, "\(error)")
        #expect(error.reason.contains("can never match"))
    }

    @Test("paths and values make the same branches as the expressions that say the same")
    func sugar() throws {
        let (path, other) = (try FieldPath("data.a"), try FieldPath("data['b-c']"))
        let same = Match(path, with: path)
        let different = Match(path, with: other)
        let value = Match(path, equals: ["k": [1, nil]])

        #expect(same.branches == [MatchBranch(triggerPath: ["data", "a"], eventPath: ["data", "a"])])
        #expect(same.branches == (try Self.match("event.data.a == async.data.a").branches))
        #expect(same.text == "match data.a")
        #expect(different.branches == (try Self.match("event.data.a == async.data['b-c']").branches))
        #expect(different.text == #"match data.a with data["b-c"]"#)
        #expect(try value.branches.map(Self.line) == [#" {"is":{"k":[1,null]}} |  ["data","a"]"#])
        #expect(Match(path, equals: 1).branches == (try Self.match("async.data.a == 1.0").branches))
        #expect(Match.all.branches == [MatchBranch()])
        #expect(Match.all.text == nil)
    }

    @Test("a branch is stored with all its members")
    func coding() throws {
        let branch = MatchBranch(
            triggerPath: ["data", "a"], eventPath: ["data", "b"], guardExpression: nil, condition: ["lit", true])

        let text = try JSONCoding.canonicalText(branch)

        #expect(
            text == #"{"condition":["lit",true],"event_path":["data","b"],"guard":null,"trigger_path":["data","a"]}"#)
        #expect(try JSONCoding.value(MatchBranch.self, from: text) == branch)
    }
}
