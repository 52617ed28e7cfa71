/// Cuts the text of an expression or a path into tokens.
struct ExpressionLexer {
    private let characters: [Character]
    private var index = 0

    /// Returns the tokens of a text; the last one is its end, or what is no token.
    static func tokens(of text: String) -> [ExpressionToken] {
        var lexer = ExpressionLexer(characters: Array(text))
        var tokens: [ExpressionToken] = []
        while true {
            let token = lexer.next()
            tokens.append(token)
            switch token.kind {
            case .end, .invalid: return tokens
            case .name, .string, .number, .symbol: break
            }
        }
    }

    private init(characters: [Character]) { self.characters = characters }

    private var current: Character? { index < characters.count ? characters[index] : nil }

    private func peek(_ offset: Int) -> Character? {
        index + offset < characters.count ? characters[index + offset] : nil
    }

    private static let pairs: Set<String> = ["==", "!=", "<=", ">=", "&&", "||"]
    private static let marks: Set<Character> = Set("<>!+-*/%()[].,?:{}=&|;")

    private mutating func next() -> ExpressionToken {
        while let character = current, character.isWhitespace { index += 1 }
        let start = index
        let kind = kind()
        return ExpressionToken(kind: kind, range: start..<index, text: String(characters[start..<index]))
    }

    private mutating func kind() -> ExpressionToken.Kind {
        guard let first = current else { return .end }
        if FieldPath.isPlainStart(first) { return name() }
        if first.isDigit { return number() }
        if first == "\"" || first == "'" { return string(by: first) }
        index += 1
        if let second = current, Self.pairs.contains("\(first)\(second)") {
            index += 1
            return .symbol("\(first)\(second)")
        }
        return Self.marks.contains(first)
            ? .symbol(String(first)) : .invalid(reason: "\"\(ErrorText.printable("\(first)"))\" has no meaning here")
    }

    private mutating func name() -> ExpressionToken.Kind {
        let start = index
        while let character = current, FieldPath.isPlainPart(character) { index += 1 }
        let name = String(characters[start..<index])
        if current == "\"" || current == "'", ["r", "b", "rb", "br"].contains(name.lowercased()) {
            return .invalid(reason: "raw strings and bytes are not supported; write a plain string, with escapes")
        }
        return .name(name)
    }

    private mutating func number() -> ExpressionToken.Kind {
        let start = index
        skipDigits()
        if current == ".", peek(1)?.isDigit == true {
            index += 1
            skipDigits()
        }
        if current == "e" || current == "E" {
            let digits = peek(1) == "+" || peek(1) == "-" ? 2 : 1
            if peek(digits)?.isDigit == true {
                index += digits
                skipDigits()
            }
        }
        if let character = current, FieldPath.isPlainPart(character) {
            index += 1
            return .invalid(
                reason: "a number has only decimal digits, a fraction and an exponent, as in 12, 0.5 or 1e3")
        }
        return .number(String(characters[start..<index]))
    }

    private mutating func skipDigits() {
        while current?.isDigit == true { index += 1 }
    }

    private mutating func string(by quote: Character) -> ExpressionToken.Kind {
        let start = index
        if peek(1) == quote, peek(2) == quote {
            index += 3
            return .invalid(reason: "triple-quoted strings are not supported; write a plain string, with escapes")
        }
        index += 1
        var content = ""
        while let character = current, character != quote {
            index += 1
            guard character == "\\" else {
                content.append(character)
                continue
            }
            guard current != nil else { break }
            guard let escaped = escape() else {
                return .invalid(
                    reason: "the string has an escape that is not known; there are \\\\ \\\" \\' \\n \\r \\t \\uXXXX "
                        + "and the others of CEL")
            }
            content.unicodeScalars.append(escaped)
        }
        guard current != nil else {
            index = start + 1
            return .invalid(reason: "the quoted text does not end")
        }
        index += 1
        return content.utf8.contains(0)
            ? .invalid(reason: "a text cannot contain a NUL character, which PostgreSQL cannot hold") : .string(content)
    }

    private static let escapes: [Character: Unicode.Scalar] = [
        "\\": "\\", "\"": "\"", "'": "'", "`": "`", "?": "?", "a": "\u{7}", "b": "\u{8}", "f": "\u{C}", "n": "\n",
        "r": "\r", "t": "\t", "v": "\u{B}",
    ]

    private mutating func escape() -> Unicode.Scalar? {
        guard let letter = current else { return nil }
        index += 1
        if let scalar = Self.escapes[letter] { return scalar }
        switch letter {
        case "x", "X": return scalar(digits: 2, radix: 16)
        case "u": return scalar(digits: 4, radix: 16)
        case "U": return scalar(digits: 8, radix: 16)
        case "0"..."3":
            index -= 1
            return scalar(digits: 3, radix: 8)
        default: return nil
        }
    }

    private mutating func scalar(digits: Int, radix: Int) -> Unicode.Scalar? {
        guard index + digits <= characters.count else { return nil }
        let text = String(characters[index..<index + digits])
        guard text.allSatisfy(\.isHexDigit), let value = UInt32(text, radix: radix) else { return nil }
        index += digits
        return Unicode.Scalar(value)
    }
}

extension Character {
    fileprivate var isDigit: Bool { isASCII && isNumber }
}
