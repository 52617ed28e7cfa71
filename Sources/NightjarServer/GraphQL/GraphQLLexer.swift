/// Reads a GraphQL document word by word (GraphQL, October 2021, section 2.1). Commas, comments and blanks separate words.
struct GraphQLLexer {
    private var rest: Substring.UnicodeScalarView
    private var line = 1

    init(_ text: String) {
        rest = Substring(text).unicodeScalars
    }

    /// The next word.
    mutating func next() throws -> GraphQLToken {
        skipIgnored()
        guard let first = rest.first else { return GraphQLToken(kind: .end, line: line) }
        let start = line
        switch first {
        case "\"": return GraphQLToken(kind: .string(try string()), line: start)
        case "!", "$", "&", "(", ")", ":", "=", "@", "[", "]", "{", "|", "}":
            rest.removeFirst()
            return GraphQLToken(kind: .mark(String(first)), line: start)
        case ".":
            guard rest.starts(with: "...".unicodeScalars) else { throw unexpected(first) }
            rest.removeFirst(3)
            return GraphQLToken(kind: .mark("..."), line: start)
        case "-", "0"..."9": return GraphQLToken(kind: try number(), line: start)
        case _ where Self.isLetter(first):
            let word = rest.prefix { Self.isLetter($0) || ("0"..."9").contains($0) }
            rest.removeFirst(word.count)
            return GraphQLToken(kind: .name(String(word)), line: start)
        default: throw unexpected(first)
        }
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
    }

    private func unexpected(_ scalar: Unicode.Scalar) -> GraphQLError {
        GraphQLError("line \(line): unexpected character \(String(scalar).debugDescription)")
    }

    private mutating func skipIgnored() {
        while let first = rest.first {
            switch first {
            case "\n":
                line += 1
                rest.removeFirst()
            case " ", "\t", "\r", ",", "\u{FEFF}": rest.removeFirst()
            case "#": rest = rest.drop { $0 != "\n" }
            default: return
            }
        }
    }

    private mutating func number() throws -> GraphQLToken.Kind {
        let text = String(rest.prefix { "+-.eE".unicodeScalars.contains($0) || ("0"..."9").contains($0) })
        rest.removeFirst(text.unicodeScalars.count)
        if let whole = Int64(text) { return .integer(whole) }
        let isNumber = text.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/) != nil
        guard isNumber, let value = Double(text), value.isFinite else {
            throw GraphQLError("line \(line): \(text) is no number")
        }
        return .number(value)
    }

    private mutating func string() throws -> String {
        if rest.starts(with: "\"\"\"".unicodeScalars) { return try block() }
        rest.removeFirst()
        var text = String.UnicodeScalarView()
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\"": return String(text)
            case "\n": throw GraphQLError("line \(line): a string does not end in its line")
            case "\\": text.append(try escaped())
            default: text.append(scalar)
            }
        }
        throw GraphQLError("line \(line): a string does not end")
    }

    private mutating func escaped() throws -> Unicode.Scalar {
        switch rest.popFirst() {
        case "\"": return "\""
        case "\\": return "\\"
        case "/": return "/"
        case "b": return "\u{8}"
        case "f": return "\u{C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "u":
            var unit = try hexUnit()
            // A character beyond the first 65,536 is written as a pair.
            if (0xD800..<0xDC00).contains(unit), rest.starts(with: "\\u".unicodeScalars) {
                rest.removeFirst(2)
                let low = try hexUnit()
                if (0xDC00..<0xE000).contains(low) { unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00) }
            }
            return Unicode.Scalar(unit) ?? "\u{FFFD}"
        default: throw GraphQLError("line \(line): a backslash that escapes nothing")
        }
    }

    private mutating func hexUnit() throws -> UInt32 {
        let digits = String(rest.prefix(4))
        guard digits.unicodeScalars.count == 4, let value = UInt32(digits, radix: 16) else {
            throw GraphQLError("line \(line): \\u is followed by four hexadecimal digits")
        }
        rest.removeFirst(4)
        return value
    }

    /// A block string, without the indentation that its lines share.
    private mutating func block() throws -> String {
        rest.removeFirst(3)
        var text = String.UnicodeScalarView()
        while !rest.starts(with: "\"\"\"".unicodeScalars) {
            if rest.starts(with: "\\\"\"\"".unicodeScalars) {
                text.append(contentsOf: "\"\"\"".unicodeScalars)
                rest.removeFirst(4)
                continue
            }
            guard let scalar = rest.popFirst() else { throw GraphQLError("line \(line): a block string does not end") }
            if scalar == "\n" { line += 1 }
            text.append(scalar)
        }
        rest.removeFirst(3)
        var lines = String(text).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let isBlank = { (line: String) in line.allSatisfy { $0 == " " || $0 == "\t" } }
        let indent =
            lines.dropFirst().filter { !isBlank($0) }.map { $0.prefix { $0 == " " || $0 == "\t" }.count }.min() ?? 0
        for index in lines.indices.dropFirst() { lines[index] = String(lines[index].dropFirst(indent)) }
        while let first = lines.first, isBlank(first) { lines.removeFirst() }
        while let last = lines.last, isBlank(last) { lines.removeLast() }
        return lines.joined(separator: "\n")
    }
}
