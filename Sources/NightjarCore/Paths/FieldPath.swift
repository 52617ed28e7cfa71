/// A path to a field of an event, such as `data.user.id` or `data["a-b"].items[0]`.
///
/// It begins with `data` or `user`, or is one of `id`, `name` and `ts` alone.
package struct FieldPath: Sendable, Hashable {
    /// The names from the event downwards; an array index is its decimal text.
    package let elements: [String]

    init(elements: [String]) {
        self.elements = elements
    }

    /// Reads the text form.
    ///
    /// - Throws: A syntax error that says what is wrong and at which character.
    package init(_ text: String) throws(SyntaxError) {
        var parser = FieldPathParser(text)
        elements = try parser.parse()
    }

    /// The canonical text form: names after a dot where they are plain, in brackets otherwise.
    package var text: String { Self.text(elements) }

    static func text(_ elements: [String]) -> String {
        var text = ""
        for element in elements {
            if isIndex(element) {
                text += "[\(element)]"
            } else if isPlain(element) {
                text += text.isEmpty ? element : ".\(element)"
            } else {
                text += "[\(quoted(element))]"
            }
        }
        return text
    }

    /// What is wrong with the text of a path.
    package struct SyntaxError: Error, Hashable, CustomStringConvertible {
        package let path: String
        /// Where, counted in characters from 1.
        package let position: Int
        package let reason: String

        package var description: String { "path \"\(path)\", character \(position): \(reason)" }
    }

    /// Why a path cannot have a further element.
    struct ElementProblem {
        let reason: String
        /// Whether it is the first element, and none that events have.
        let isUnknownRoot: Bool
    }

    /// Returns what is wrong with a further element of a path, nil when nothing is.
    static func problem(with element: String, after elements: [String]) -> ElementProblem? {
        guard let root = elements.first else {
            guard !["data", "user", "id", "name", "ts"].contains(element) else { return nil }
            return ElementProblem(
                reason: "a path must begin with data or user, or be id, name or ts", isUnknownRoot: true)
        }
        return hasFields(root) ? nil : ElementProblem(reason: "\"\(root)\" has no fields", isUnknownRoot: false)
    }

    /// Whether a member of an event may have fields of its own.
    static func hasFields(_ root: String) -> Bool { root == "data" || root == "user" }

    static func isIndex(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            && (text == "0" || text.utf8.first != UInt8(ascii: "0"))
    }

    static func isPlain(_ text: String) -> Bool {
        guard let first = text.first, isPlainStart(first) else { return false }
        return text.dropFirst().allSatisfy(isPlainPart)
    }

    static func isPlainStart(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character == "_" || character == "$")
    }

    static func isPlainPart(_ character: Character) -> Bool {
        isPlainStart(character) || (character.isASCII && character.isNumber)
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for character in text {
            if character == "\"" || character == "\\" { result.append("\\") }
            result.append(character)
        }
        return result + "\""
    }
}
