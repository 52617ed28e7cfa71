/// Reads tokens one after the other, and the parts of paths that are made of them.
struct TokenCursor {
    typealias SyntaxError = EventExpression.SyntaxError

    let text: String
    let tokens: [ExpressionToken]
    private var index = 0

    init(_ text: String) {
        self.text = text
        self.tokens = ExpressionLexer.tokens(of: text)
    }

    var current: ExpressionToken { tokens[index] }

    /// The token after the current one; the last one has no other after it.
    var following: ExpressionToken { tokens[min(index + 1, tokens.count - 1)] }

    func isAt(_ symbol: String) -> Bool { current.kind == .symbol(symbol) }

    mutating func advance() { index = min(index + 1, tokens.count - 1) }

    mutating func take(_ symbol: String) -> Bool {
        guard isAt(symbol) else { return false }
        advance()
        return true
    }

    /// Reads the name after a dot, which may also be a word that has a meaning elsewhere.
    mutating func pathName() throws(SyntaxError) -> String {
        guard case .name(let name) = current.kind else {
            guard current.kind != .end else { throw failure("expected a name, found the end") }
            let found = current.text.first.map(String.init) ?? ""
            throw failure("expected a name, found \"\(ErrorText.printable(found))\"; write other names as [\"…\"]")
        }
        advance()
        return name
    }

    /// Reads a quoted name or an index between brackets, of which the first one has been read.
    ///
    /// - Returns: The path element; nil when something else stands there.
    mutating func pathIndex() throws(SyntaxError) -> String? {
        let element: String
        switch current.kind {
        case .string(let name): element = name
        case .number(let digits): element = digits
        case .invalid(let reason): throw failure(reason)
        case .name, .symbol, .end: return nil
        }
        guard following.kind == .symbol("]") else { return nil }
        if case .number = current.kind, !FieldPath.isIndex(element) || Int32(element) == nil {
            throw failure("expected a quoted name or an index, which is a whole number from 0")
        }
        advance()
        advance()
        return element
    }

    /// Says what is wrong at the current token, or at another one.
    func failure(_ reason: String, at token: ExpressionToken? = nil) -> SyntaxError {
        SyntaxError(text: text, position: (token ?? current).range.lowerBound + 1, reason: reason)
    }
}
