import NightjarCore
import Testing

@testable import NightjarServer

struct GraphQLParserTests {
    private func field(_ text: String) throws -> GraphQLDocument.Field {
        let document = try GraphQLParser.parse(text)
        guard case .field(let field) = try #require(document.operations.first?.selections.first) else {
            throw GraphQLError("no field")
        }
        return field
    }

    @Test("Shorthand, aliases, arguments of every kind, comments, and commas that nobody needs")
    func syntax() throws {
        let field = try field(
            """
            # What is asked.
            {, other: run(runID: "a\\u00e9\\n\\"", n: -12, x: 1.5e3, on: true, off: false, none: null, kind: ASC,
              list: [1 2,3], object: {a: {b: "c"}}, by: $id) { id, name } }
            """)
        #expect(field.key == "other")
        #expect(field.name == "run")
        let arguments = field.arguments.mapValues { $0.resolved(["id": "given"]) }
        #expect(
            arguments == [
                "runID": "aé\n\"", "n": -12, "x": 1_500, "on": true, "off": false, "none": nil, "kind": "ASC",
                "list": [1, 2, 3], "object": ["a": ["b": "c"]], "by": "given",
            ])
        #expect(field.selections.count == 2)
    }

    @Test("Operations have names and variables; block strings lose their indentation")
    func operations() throws {
        let document = try GraphQLParser.parse(
            #"""
            query First($id: ULID! = "x", $list: [String!]! @a) @b { a(text: """
                one
                  two
                """) }
            mutation Second { b }
            fragment F on Event { id }
            """#)
        #expect(document.operations.map(\.name) == ["First", "Second"])
        #expect(document.operations.map(\.kind) == ["query", "mutation"])
        #expect(document.operations[0].variables.map(\.name) == ["id", "list"])
        #expect(document.operations[0].variables.map(\.isRequired) == [true, true])
        #expect(document.operations[0].variables.map(\.standard) == ["x", nil])
        guard case .field(let field) = document.operations[0].selections[0] else { return }
        #expect(field.arguments["text"]?.resolved([:]) == "one\n  two")
        #expect(document.fragments["F"]?.type == "Event")
    }

    @Test(
        "What is no document is refused with its line",
        arguments: [
            "", "{", "{}", "{ a( }", "{ a(b) }", "{ a(b: ) }", "query", "what { a }", "{ a } }", "{ a(b: \"x) }",
            "{ a(b: \"\\x\") }", "{ a ! }", "{ a(b: 1.) }", "{ a(b: \"\"\"x\") }", "{ . }", "{ ? }", "fragment F { a }",
            "{ a(b: \"\\u12\") }", "{ a @ }", "{ ...on }",
        ])
    func refusals(text: String) {
        #expect(throws: GraphQLError.self, "\(text)") { try GraphQLParser.parse(text) }
    }

    @Test("Depth is limited, so that no document exhausts the stack")
    func depth() {
        let deep = String(repeating: "{ a", count: 100_000)
        #expect(throws: GraphQLError.self) { try GraphQLParser.parse(deep) }
        let list = "{ a(b: " + String(repeating: "[", count: 100_000)
        #expect(throws: GraphQLError.self) { try GraphQLParser.parse(list) }
    }
}
