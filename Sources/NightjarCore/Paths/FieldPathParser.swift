/// Reads the text form of a ``FieldPath``.
struct FieldPathParser {
    private let text: String
    private let characters: [Character]
    private var index = 0

    init(_ text: String) {
        self.text = text
        self.characters = Array(text)
    }

    mutating func parse() throws(FieldPath.SyntaxError) -> [String] {
        var elements = [try name()]
        try check(root: elements[0])
        while index < characters.count {
            switch characters[index] {
            case ".":
                index += 1
                elements.append(try name())
            case "[":
                index += 1
                elements.append(try bracketed())
            default:
                throw failure("expected \".\" or \"[\", found \"\(characters[index])\"")
            }
        }
        return elements
    }

    private func check(root: String) throws(FieldPath.SyntaxError) {
        switch root {
        case "data", "user":
            break
        case "id", "name", "ts":
            guard index == characters.count else { throw failure("\"\(root)\" has no fields") }
        default:
            throw failure("must begin with data or user, or be id, name or ts; did you mean \"data.\(text)\"?", at: 0)
        }
    }

    private mutating func name() throws(FieldPath.SyntaxError) -> String {
        guard index < characters.count else { throw failure("expected a name, found the end") }
        guard FieldPath.isPlainStart(characters[index]) else {
            throw failure("expected a name, found \"\(characters[index])\"; write other names as [\"…\"]")
        }
        let start = index
        while index < characters.count, FieldPath.isPlainPart(characters[index]) { index += 1 }
        return String(characters[start..<index])
    }

    private mutating func bracketed() throws(FieldPath.SyntaxError) -> String {
        guard index < characters.count else { throw failure("expected a quoted name or an index, found the end") }
        let element =
            switch characters[index] {
            case "\"", "'": try quoted(by: characters[index])
            default: try number()
            }
        guard index < characters.count, characters[index] == "]" else { throw failure("expected \"]\"") }
        index += 1
        return element
    }

    private mutating func quoted(by quote: Character) throws(FieldPath.SyntaxError) -> String {
        let start = index
        index += 1
        var name = ""
        while index < characters.count, characters[index] != quote {
            if characters[index] == "\\" { index += 1 }
            guard index < characters.count else { break }
            guard characters[index] != "\0" else { throw failure("a name cannot contain a NUL character") }
            name.append(characters[index])
            index += 1
        }
        guard index < characters.count else { throw failure("the quoted name does not end", at: start) }
        index += 1
        return name
    }

    private mutating func number() throws(FieldPath.SyntaxError) -> String {
        let start = index
        while index < characters.count, characters[index].isASCII, characters[index].isNumber { index += 1 }
        let digits = String(characters[start..<index])
        guard FieldPath.isIndex(digits), Int32(digits) != nil else {
            throw failure("expected a quoted name or an index", at: start)
        }
        return digits
    }

    private func failure(_ reason: String, at index: Int? = nil) -> FieldPath.SyntaxError {
        FieldPath.SyntaxError(path: text, position: (index ?? self.index) + 1, reason: reason)
    }
}
