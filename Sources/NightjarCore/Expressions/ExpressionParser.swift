/// Reads the text of an ``EventExpression``, by recursive descent.
struct ExpressionParser {
    typealias SyntaxError = EventExpression.SyntaxError

    var cursor: TokenCursor
    let scope: EventExpression.Scope
    private var depth = 0

    init(_ text: String, scope: EventExpression.Scope) {
        self.cursor = TokenCursor(text)
        self.scope = scope
    }

    mutating func parse() throws(SyntaxError) -> SyntaxNode {
        guard cursor.current.kind != .end else { throw cursor.failure("the expression is empty") }
        let node = try disjunction()
        guard cursor.current.kind == .end else { throw unexpected("an operator or the end") }
        return node
    }

    /// Reads something inside of brackets.
    mutating func nested() throws(SyntaxError) -> SyntaxNode {
        try enter()
        defer { depth -= 1 }
        return try disjunction()
    }

    /// Makes a node, unless it would be too deep for those who evaluate it.
    func node(_ content: SyntaxNode.Content, at token: ExpressionToken) throws(SyntaxError) -> SyntaxNode {
        let node = SyntaxNode(content, position: token.range.lowerBound + 1)
        guard node.depth <= EventExpression.limits.depth else { throw tooDeep(at: token) }
        return node
    }

    private mutating func enter() throws(SyntaxError) {
        depth += 1
        if depth > EventExpression.limits.depth { throw tooDeep(at: cursor.current) }
    }

    private func tooDeep(at token: ExpressionToken) -> SyntaxError {
        cursor.failure(
            "more than \(EventExpression.limits.depth) levels of nesting; simplify the expression", at: token)
    }

    private mutating func disjunction() throws(SyntaxError) -> SyntaxNode {
        let start = cursor.current
        var operands = try [conjunction()]
        while cursor.take("||") { operands.append(try conjunction()) }
        guard operands.count > 1 else { return operands[0] }
        let flat = operands.flatMap { if case .or(let inner) = $0.content { inner } else { [$0] } }
        return try node(.or(flat), at: start)
    }

    private mutating func conjunction() throws(SyntaxError) -> SyntaxNode {
        let start = cursor.current
        var operands = try [comparison()]
        while cursor.take("&&") { operands.append(try comparison()) }
        guard operands.count > 1 else { return operands[0] }
        let flat = operands.flatMap { if case .and(let inner) = $0.content { inner } else { [$0] } }
        return try node(.and(flat), at: start)
    }

    private mutating func comparison() throws(SyntaxError) -> SyntaxNode {
        let start = cursor.current
        let left = try sum()
        guard let symbol = comparator else { return left }
        cursor.advance()
        let node = try node(.binary(symbol, left, try sum()), at: start)
        if comparator != nil {
            throw cursor.failure("comparisons cannot be chained; write a < b && b < c, or use parentheses")
        }
        return node
    }

    private var comparator: SyntaxNode.Operator? {
        switch cursor.current.kind {
        case .symbol(let symbol) where ["==", "!=", "<", "<=", ">", ">="].contains(symbol):
            SyntaxNode.Operator(rawValue: symbol)
        case .name("in"): .isIn
        default: nil
        }
    }

    private mutating func sum() throws(SyntaxError) -> SyntaxNode {
        let start = cursor.current
        var node = try product()
        while cursor.isAt("+") || cursor.isAt("-") {
            let symbol: SyntaxNode.Operator = cursor.isAt("+") ? .add : .subtract
            cursor.advance()
            node = try self.node(.binary(symbol, node, try product()), at: start)
        }
        return node
    }

    private mutating func product() throws(SyntaxError) -> SyntaxNode {
        let start = cursor.current
        var node = try unary()
        while cursor.isAt("*") || cursor.isAt("/") || cursor.isAt("%") {
            let symbol: SyntaxNode.Operator = cursor.isAt("*") ? .multiply : cursor.isAt("/") ? .divide : .remainder
            cursor.advance()
            node = try self.node(.binary(symbol, node, try unary()), at: start)
        }
        return node
    }

    private mutating func unary() throws(SyntaxError) -> SyntaxNode {
        let start = cursor.current
        guard cursor.isAt("!") || cursor.isAt("-") else { return try member() }
        try enter()
        defer { depth -= 1 }
        cursor.advance()
        if start.kind == .symbol("!") { return try node(.not(try unary()), at: start) }
        if case .number(let digits) = cursor.current.kind { return try member(of: try number("-" + digits), at: start) }
        return try node(.negative(try unary()), at: start)
    }
}
