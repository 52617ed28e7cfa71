import NightjarCore
import Testing

@Suite("Expressions")
struct ExpressionTests {
    private static func stored(_ text: String, scope: EventExpression.Scope = .match) throws -> String {
        try JSONCoding.text(EventExpression(text, scope: scope).stored)
    }

    @Test(
        "what is written is stored as operators and operands",
        arguments: [
            ("event.data.a == async.data.a", #"["==",["event","data","a"],["async","data","a"]]"#),
            ("async.ts >= event.ts + 60000", #"[">=",["async","ts"],["+",["event","ts"],["lit",60000]]]"#),
            ("async.data.items[0].id != 'x'", #"["!=",["async","data","items","0","id"],["lit","x"]]"#),
            (#"event["data"]['a-b'].c"#, #"["event","data","a-b","c"]"#),
            ("event.data.in", #"["event","data","in"]"#),
            ("event.data.$a_1.true", #"["event","data","$a_1","true"]"#),
            (
                "event.data.prices[async.data.plan].eur",
                #"["field",["at",["event","data","prices"],["async","data","plan"]],"eur"]"#
            ),
            ("event.data.o['a' + 'b']", #"["at",["event","data","o"],["+",["lit","a"],["lit","b"]]]"#),
            ("[1, 2,][1] == 2", #"["==",["field",["list",["lit",1],["lit",2]],"1"],["lit",2]]"#),
            ("event.data.a in ['x', null]", #"["in",["event","data","a"],["list",["lit","x"],["lit",null]]]"#),
            ("has(async.user.id)", #"["has",["async","user","id"]]"#),
            (
                "size(event.data.a) == event.data.b.size()",
                #"["==",["size",["event","data","a"]],["size",["event","data","b"]]]"#
            ),
            ("event.data.a.startsWith('x')", #"["startsWith",["event","data","a"],["lit","x"]]"#),
            ("'abc'.endsWith(event.data.a)", #"["endsWith",["lit","abc"],["event","data","a"]]"#),
            ("async.data.a.contains('x')", #"["contains",["async","data","a"],["lit","x"]]"#),
            ("true || false && !true", #"["||",["lit",true],["&&",["lit",false],["!",["lit",true]]]]"#),
            ("true && (false && true) && null", #"["&&",["lit",true],["lit",false],["lit",true],["lit",null]]"#),
            (
                "1 + 2 * 3 - 4 / 5 % 6",
                #"["-",["+",["lit",1],["*",["lit",2],["lit",3]]],["%",["/",["lit",4],["lit",5]],["lit",6]]]"#
            ),
            ("-event.ts - -1 < - 2.5e1", #"["<",["-",["neg",["event","ts"]],["lit",-1]],["lit",-25]]"#),
            ("!!true", #"["!",["!",["lit",true]]]"#),
            ("(1 + 2) * 3", #"["*",["+",["lit",1],["lit",2]],["lit",3]]"#),
            ("-9223372036854775808", #"["lit",-9223372036854775808]"#),
            (#"'it\'s' + "\"\\\n\x41\u00e9\U0001F600\101""#, #"["+",["lit","it's"],["lit","\"\\\nAé😀A"]]"#),
            (" \n event\t.\ndata . a ", #"["event","data","a"]"#),
        ])
    func stored(text: String, json: String) throws {
        #expect(try Self.stored(text) == json)
    }

    @Test("a filter speaks of the event that started the run alone")
    func filter() throws {
        #expect(try Self.stored("event.data.a == 1", scope: .filter) == #"["==",["event","data","a"],["lit",1]]"#)

        let error = try #require(throws: EventExpression.SyntaxError.self) {
            try EventExpression("event.id == 'x' && async.id == 'x'", scope: .filter)
        }
        #expect(error.position == 20)
        #expect(error.reason.contains("no new event"))
    }

    @Test(
        "what is not understood or not supported is refused with its place, and the remedy where there is one",
        arguments: [
            ("", 1, "empty"), ("  ", 3, "empty"), ("event.data.a ==", 16, "expected a value, found the end"),
            ("event.data.a = 1", 14, "write \"==\""), ("event.data.a === 1", 16, "\"=\" has no meaning"),
            ("event.data.a & true", 14, "write \"&&\""), ("true | false", 6, "write \"||\""),
            ("true and false", 6, "write \"&&\""), ("true or false", 6, "write \"||\""), ("not true", 1, "write \"!\""),
            ("true ? 1 : 2", 6, "(a && b) || (!a && c)"), ("{'a': 1} == event.data", 1, "maps"),
            ("a == 1", 1, "\"a\" is not known"), ("data.a == 1", 1, "event.data or async.data"),
            ("event == async", 1, "event alone is no value"), ("size(async)", 6, "async alone is no value"),
            ("event[async.id] == 1", 1, "event alone is no value"), ("event.size()", 1, "event alone is no value"),
            ("event.post == 1", 7, "\"event.data.post\""), ("event['a b']", 7, "a path must begin with"),
            ("event.id.x", 10, "\"id\" has no fields"), ("async.ts[event.ts]", 10, "\"ts\" has no fields"),
            ("event.data.", 12, "expected a name"), ("event.data.1", 12, "[\"…\"]"),
            ("event.data.a-b", 14, "\"b\" is not known"),
            ("event.data[-1]", 12, "index"), ("event.data[01]", 12, "index"), ("event.data[true]", 12, "index"),
            ("event.data[1", 13, "\"]\""), ("event.data[]", 12, "expected a value"),
            ("(true", 6, "\")\""), ("true)", 5, "expected an operator or the end"), ("[1 2]", 4, "\",\" or \"]\""),
            ("true false", 6, "expected an operator or the end"),
            ("1 < 2 < 3", 7, "cannot be chained"), ("event.id == async.id == true", 22, "parentheses"),
            ("now() > event.ts", 1, "ts"), ("event.data.l.exists(x, x > 1)", 14, "value in list"),
            ("event.data.a.matches('^a')", 14, "startsWith"), ("startsWith(event.id, 'a')", 1, "write x.startsWith(y)"),
            ("event.id.has()", 10, "write has(x)"), ("foo(1)", 1, "foo() is not known"),
            ("int('1') == 1", 1, "conversions"),
            ("has(1)", 5, "path of a field"), ("has(event.data[async.id])", 5, "path of a field"),
            ("has()", 1, "one argument"), ("event.id.size(1)", 10, "no argument"),
            ("event.id.contains()", 10, "one argument"),
            ("'abc", 1, "does not end"), (#""a\"#, 1, "does not end"), (#"'a\q'"#, 1, "escape"),
            (#"'\ud800'"#, 1, "escape"),
            (#"'\u0000'"#, 1, "NUL"), ("r'a'", 1, "raw strings"), ("b\"a\"", 1, "raw strings"),
            ("'''a'''", 1, "triple"),
            ("0x1F == 31", 1, "decimal digits"), ("1u == 1", 1, "decimal digits"),
            ("9223372036854775808", 1, "whole number"),
            ("0.1234567890123456", 1, "15 digits"), ("1e400", 1, "15 digits"), ("1e-400", 1, "15 digits"),
            ("event.id == #", 13, "no meaning"), ("true; false", 5, "expected an operator"),
            ("vars.a == 1", 1, "variables"),
            ("event.data.é == 1", 12, "[\"…\"]"),
        ])
    func refused(text: String, position: Int, reason: String) throws {
        let error = try #require(throws: EventExpression.SyntaxError.self) { try EventExpression(text, scope: .match) }

        #expect(error.position == position, "\(error)")
        #expect(error.reason.contains(reason), "\(error)")
    }

    @Test("an error shows the line and the place in it")
    func description() throws {
        let error = try #require(throws: EventExpression.SyntaxError.self) {
            try EventExpression("event.data.a == 1\n  && async.data.b = 2", scope: .match)
        }

        #expect(error.position == 37)
        #expect(
            error.description == """
                expression, character 37: "=" has no meaning here; write "==" to compare
                    && async.data.b = 2
                                    ^
                """)
        #expect(
            error.summary == #"character 37 of "  && async.data.b = 2": "=" has no meaning here; write "==" to compare"#
        )
    }

    @Test("of a long expression an error shows what surrounds the place")
    func excerpt() throws {
        let some = String(repeating: "event.id == 'x' || ", count: 10)
        let error = try #require(throws: EventExpression.SyntaxError.self) {
            try EventExpression(some + "async.id = 'y' || " + some + "true", scope: .match)
        }

        #expect(
            error.description.split(separator: "\n").dropFirst() == [
                "  …d == 'x' || event.id == 'x' || async.id = 'y' || event.id == 'x' || event.id == …",
                "                                           ^",
            ])
    }

    @Test("texts and nesting have limits, whatever it is that is nested")
    func limits() throws {
        func accepts(_ text: String) -> Bool { (try? EventExpression(text, scope: .match)) != nil }
        func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }
        let long = "event.data.a == '" + repeated("x", 4_078) + "'"

        #expect(accepts(long))
        #expect(!accepts(long + " "))
        #expect(accepts(repeated("(", 64) + "true" + repeated(")", 64)))
        #expect(!accepts(repeated("(", 65) + "true" + repeated(")", 65)))
        #expect(accepts(repeated("!", 63) + "true"))
        #expect(!accepts(repeated("!", 64) + "true"))
        #expect(!accepts(repeated("!", 4_000) + "true"))
        #expect(accepts("1" + repeated("+1", 63)))
        #expect(!accepts("1" + repeated("+1", 64)))
        #expect(!accepts(repeated("[", 2_000) + repeated("]", 2_000)))
        #expect(accepts("true" + repeated(" && true", 500)))
        #expect(accepts("event.data" + repeated(".a", 500)))
        let error = try #require(throws: EventExpression.SyntaxError.self) {
            try EventExpression("true && 1" + repeated("+1", 64) + " == 2", scope: .match)
        }
        #expect(error.position == 9)
        #expect(error.reason.contains("64 levels"))
    }
}
