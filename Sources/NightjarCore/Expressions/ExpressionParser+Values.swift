extension ExpressionParser {
    /// Reads a value and all that follows it: fields, indexes, methods.
    mutating func member() throws(SyntaxError) -> SyntaxNode {
        let start = cursor.current
        return try member(of: try value(), at: start)
    }

    /// Reads what follows a value.
    mutating func member(of value: SyntaxNode, at start: ExpressionToken) throws(SyntaxError) -> SyntaxNode {
        var node = value
        while true {
            if cursor.take(".") {
                let token = cursor.current
                if case .name(let name) = cursor.current.kind, cursor.following.kind == .symbol("(") {
                    try requireField(node)
                    node = try method(name, of: node, at: start)
                } else {
                    node = try field(try cursor.pathName(), of: node, at: start, token)
                }
            } else if cursor.take("[") {
                let token = cursor.current
                if let name = try cursor.pathIndex() {
                    node = try field(name, of: node, at: start, token)
                } else {
                    node = try dynamic(node, at: start)
                }
            } else {
                try requireField(node)
                return node
            }
        }
    }

    private mutating func value() throws(SyntaxError) -> SyntaxNode {
        let token = cursor.current
        switch token.kind {
        case .string(let text):
            cursor.advance()
            return try node(.literal(.string(text)), at: token)
        case .number(let digits):
            return try number(digits)
        case .symbol("("):
            cursor.advance()
            let node = try nested()
            guard cursor.take(")") else { throw unexpected("\")\"") }
            return node
        case .symbol("["):
            cursor.advance()
            return try node(.list(try list(until: "]")), at: token)
        case .name(let name) where cursor.following.kind == .symbol("("):
            return try call(name)
        case .name(let name):
            return try named(name)
        case .symbol, .invalid, .end:
            throw unexpected("a value")
        }
    }

    private mutating func named(_ name: String) throws(SyntaxError) -> SyntaxNode {
        let token = cursor.current
        let content: SyntaxNode.Content
        switch name {
        case "true": content = .literal(true)
        case "false": content = .literal(false)
        case "null": content = .literal(.null)
        case "event": content = .path(.event, [])
        case "async":
            guard scope == .match else {
                throw cursor.failure("there is no new event here; only event, the event that started the run, is known")
            }
            content = .path(.async, [])
        default:
            throw cursor.failure(Remedy.unknown(name, in: scope))
        }
        cursor.advance()
        return try node(content, at: token)
    }

    /// Reads a number, of which the digits are those of the current token.
    mutating func number(_ text: String) throws(SyntaxError) -> SyntaxNode {
        let token = cursor.current
        let value: JSON
        if text.utf8.contains(where: { ".eE".utf8.contains($0) }) {
            let digits = text.prefix { $0 != "e" && $0 != "E" }.filter(\.isNumber)
            let significant = digits.drop { $0 == "0" }
            // Beyond that a Double is another number than the one that is written.
            guard significant.count <= 15, let number = Double(text), number.isFinite,
                significant.isEmpty || number.isNormal
            else {
                throw cursor.failure("a number with a fraction or an exponent may have 15 digits, and 1e-307 to 1e308")
            }
            value = .number(number)
        } else {
            guard let number = Int64(text) else {
                throw cursor.failure("a whole number must lie between -9223372036854775808 and 9223372036854775807")
            }
            value = .integer(number)
        }
        cursor.advance()
        return try node(.literal(value), at: token)
    }

    /// Reads elements or arguments, of which the opening bracket has been read, and the closing bracket.
    mutating func list(until end: String) throws(SyntaxError) -> [SyntaxNode] {
        var elements: [SyntaxNode] = []
        while !cursor.take(end) {
            elements.append(try nested())
            guard cursor.take(",") || cursor.isAt(end) else { throw unexpected("\",\" or \"\(end)\"") }
        }
        return elements
    }

    private func field(
        _ name: String, of node: SyntaxNode, at start: ExpressionToken, _ token: ExpressionToken
    ) throws(SyntaxError) -> SyntaxNode {
        guard case .path(let root, let elements) = node.content else {
            return try self.node(.field(node, name), at: start)
        }
        if let problem = FieldPath.problem(with: name, after: elements) {
            let hint = problem.isUnknownRoot ? "; did you mean \"\(root.rawValue).data.\(name)\"?" : ""
            throw cursor.failure(problem.reason + hint, at: token)
        }
        return try self.node(.path(root, elements + [name]), at: start)
    }

    private mutating func dynamic(_ base: SyntaxNode, at start: ExpressionToken) throws(SyntaxError) -> SyntaxNode {
        try requireField(base)
        let token = cursor.current
        let key = try nested()
        guard cursor.take("]") else { throw unexpected("\"]\"") }
        if let constant = key.constant {
            guard constant.string != nil || constant.integer.map({ $0 >= 0 }) == true else {
                throw cursor.failure("expected a quoted name or an index, which is a whole number from 0", at: token)
            }
        }
        if case .path(_, let elements) = base.content, let name = elements.first, !FieldPath.hasFields(name) {
            throw cursor.failure("\"\(name)\" has no fields", at: token)
        }
        return try node(.at(base, key), at: start)
    }

    /// An event as a whole is no value: what it has besides its fields is nobody's business.
    private func requireField(_ node: SyntaxNode) throws(SyntaxError) {
        guard case .path(let root, []) = node.content else { return }
        throw SyntaxError(
            text: cursor.text, position: node.position,
            reason: "\(root.rawValue) alone is no value; name a field, such as \(root.rawValue).data.id")
    }
}
