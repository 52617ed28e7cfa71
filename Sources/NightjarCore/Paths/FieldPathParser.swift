/// Reads the text form of a ``FieldPath``.
struct FieldPathParser {
    private var cursor: TokenCursor

    init(_ text: String) {
        cursor = TokenCursor(text)
    }

    mutating func parse() throws(FieldPath.SyntaxError) -> [String] {
        do {
            return try elements()
        } catch {
            throw FieldPath.SyntaxError(path: error.text, position: error.position, reason: error.reason)
        }
    }

    private mutating func elements() throws(EventExpression.SyntaxError) -> [String] {
        try refuseSpaces()
        var elements: [String] = []
        while true {
            let token = cursor.current
            let element: String
            if elements.isEmpty || cursor.take(".") {
                element = try cursor.pathName()
            } else if cursor.take("[") {
                guard let index = try cursor.pathIndex() else { throw noIndex }
                element = index
            } else if token.kind == .end {
                return elements
            } else {
                throw cursor.failure("expected \".\" or \"[\", found \(token.name)")
            }
            if let problem = FieldPath.problem(with: element, after: elements) {
                let hint = problem.isUnknownRoot ? "; did you mean \"data.\(cursor.text)\"?" : ""
                throw cursor.failure(problem.reason + hint, at: token)
            }
            elements.append(element)
        }
    }

    private var noIndex: EventExpression.SyntaxError {
        switch cursor.current.kind {
        case .string, .number:
            var cursor = cursor
            cursor.advance()
            return cursor.failure("expected \"]\", found \(cursor.current.name)")
        case .name, .symbol, .invalid, .end:
            return cursor.failure("expected a quoted name or an index, found \(cursor.current.name)")
        }
    }

    private func refuseSpaces() throws(EventExpression.SyntaxError) {
        var end = 0
        for token in cursor.tokens {
            guard token.range.lowerBound == end else {
                let expected = end == 0 ? "a name" : "\".\" or \"[\""
                throw EventExpression.SyntaxError(
                    text: cursor.text, position: end + 1, reason: "expected \(expected), found a space")
            }
            end = token.range.upperBound
        }
    }
}
