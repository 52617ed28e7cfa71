import NightjarCore
import Testing

@Suite("Field paths")
struct FieldPathTests {
    @Test(
        "paths are read, and written in their canonical form",
        arguments: [
            ("data.postID", ["data", "postID"], "data.postID"),
            ("data.user.id", ["data", "user", "id"], "data.user.id"),
            ("user.id", ["user", "id"], "user.id"),
            ("data", ["data"], "data"),
            ("id", ["id"], "id"),
            ("name", ["name"], "name"),
            ("ts", ["ts"], "ts"),
            (#"data["a-b"].c"#, ["data", "a-b", "c"], #"data["a-b"].c"#),
            (#"data['plain']"#, ["data", "plain"], "data.plain"),
            ("data.items[0].id", ["data", "items", "0", "id"], "data.items[0].id"),
            (#"data["x\"y\\"]"#, ["data", #"x"y\"#], #"data["x\"y\\"]"#),
            (#"data["0"]"#, ["data", "0"], "data[0]"),
            (#"data[""]"#, ["data", ""], #"data[""]"#),
            (#"data["01"]"#, ["data", "01"], #"data["01"]"#),
            ("data.$a_1", ["data", "$a_1"], "data.$a_1"),
        ])
    func valid(text: String, elements: [String], canonical: String) throws {
        let path = try FieldPath(text)

        #expect(path.elements == elements)
        #expect(path.text == canonical)
        #expect(try FieldPath(path.text).elements == elements)
    }

    @Test(
        "what is wrong is told with its place",
        arguments: [
            ("", 1, "expected a name"), ("postID", 1, "data.postID"), ("data.", 6, "expected a name"),
            ("data..x", 6, "expected a name"), ("data.1", 6, "expected a name"), ("data.a-b", 7, "expected \".\""),
            ("data[", 6, "quoted name or an index"), ("data[x]", 6, "quoted name or an index"),
            ("data[01]", 6, "quoted name or an index"), ("data[1", 7, "expected \"]\""),
            ("data[\"x", 6, "does not end"), ("id.x", 3, "has no fields"), (" data", 1, "expected a name"),
            ("data.é", 6, "expected a name"), ("data[99999999999]", 6, "index"),
        ])
    func invalid(text: String, position: Int, reason: String) throws {
        let error = try #require(throws: FieldPath.SyntaxError.self) { try FieldPath(text) }

        #expect(error.position == position)
        #expect(error.reason.contains(reason), "\(error)")
    }
}
