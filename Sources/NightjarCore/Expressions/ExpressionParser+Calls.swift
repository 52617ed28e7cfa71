extension ExpressionParser {
    /// Reads a call of a function, beginning with its name.
    mutating func call(_ name: String) throws(SyntaxError) -> SyntaxNode {
        let token = cursor.current
        guard name == "has" || name == "size" else { throw cursor.failure(Remedy.function(name)) }
        let arguments = try arguments(of: name, count: 1)
        if name == "size" { return try node(.size(arguments[0]), at: token) }
        guard case .path = arguments[0].content else {
            throw SyntaxError(
                text: cursor.text, position: arguments[0].position,
                reason: "has() takes the path of a field, as in has(event.data.id)")
        }
        return try node(.has(arguments[0]), at: token)
    }

    /// Reads a call of a method, beginning with its name.
    mutating func method(
        _ name: String, of node: SyntaxNode, at start: ExpressionToken
    ) throws(SyntaxError) -> SyntaxNode {
        switch name {
        case "size":
            _ = try arguments(of: name, count: 0)
            return try self.node(.size(node), at: start)
        case "startsWith", "endsWith", "contains":
            guard let symbol = SyntaxNode.Operator(rawValue: name) else { throw cursor.failure(Remedy.function(name)) }
            let arguments = try arguments(of: name, count: 1)
            return try self.node(.binary(symbol, node, arguments[0]), at: start)
        default:
            throw cursor.failure(Remedy.function(name))
        }
    }

    private mutating func arguments(of name: String, count: Int) throws(SyntaxError) -> [SyntaxNode] {
        let token = cursor.current
        cursor.advance()
        cursor.advance()
        let arguments = try list(until: ")")
        guard arguments.count == count else {
            let expected = count == 0 ? "no argument" : "one argument"
            throw cursor.failure("\(name)() takes \(expected), found \(arguments.count)", at: token)
        }
        return arguments
    }

    /// Says that something else was expected at the current token; for what is known elsewhere, what to write instead.
    func unexpected(_ expected: String) -> SyntaxError {
        let token = cursor.current
        switch token.kind {
        case .invalid(let reason):
            return cursor.failure(reason)
        case .symbol(let symbol):
            if let remedy = Remedy.symbol(symbol) { return cursor.failure(remedy) }
        case .name(let name):
            if let remedy = Remedy.word(name) { return cursor.failure(remedy) }
        case .string, .number, .end:
            break
        }
        return cursor.failure("expected \(expected), found \(token.name)")
    }
}

/// What to write instead of what is not supported.
enum Remedy {
    static func symbol(_ symbol: String) -> String? {
        switch symbol {
        case "?": "the conditional a ? b : c is not supported; write (a && b) || (!a && c)"
        case "{": "maps are not supported; compare their fields one by one"
        case "=": "\"=\" has no meaning here; write \"==\" to compare"
        case "&": "\"&\" has no meaning here; write \"&&\""
        case "|": "\"|\" has no meaning here; write \"||\""
        default: nil
        }
    }

    static func word(_ name: String) -> String? {
        switch name.lowercased() {
        case "and": "write \"&&\" for \"\(name)\""
        case "or": "write \"||\" for \"\(name)\""
        case "not": "write \"!\" for \"\(name)\""
        case "is": "write \"==\" for \"\(name)\""
        default: nil
        }
    }

    static func unknown(_ name: String, in scope: EventExpression.Scope) -> String {
        if let remedy = word(name) { return remedy }
        let roots = scope == .match ? "event or async" : "event"
        return switch name {
        case "data", "user", "id", "name", "ts":
            "\"\(name)\" is a field of an event; write " + (scope == .match ? "event.\(name) or async." : "event.")
                + name
        case "vars": "variables are not supported; write the value itself"
        default: "\"\(name)\" is not known; a path begins with \(roots), and text stands in quotes"
        }
    }

    static func function(_ name: String) -> String {
        switch name {
        case "has", "size": "write \(name)(x)"
        case "startsWith", "endsWith", "contains": "write x.\(name)(y)"
        case "all", "exists", "exists_one", "map", "filter", "existsOne":
            "the macro \(name)() is not supported; to look for a value in a list, write value in list"
        case "matches": "matches() is not supported; there are startsWith, endsWith and contains"
        case "now", "now_plus", "now_minus", "timestamp", "duration", "date":
            "\(name)() is not supported; events carry a time in milliseconds, ts, and policies have a timeout"
        case "lowercase", "uppercase", "lowerAscii", "upperAscii":
            "\(name)() is not supported; send the text as it is to be compared"
        case "int", "uint", "double", "string", "bool", "bytes", "dyn", "type":
            "conversions such as \(name)() are not supported; values of different types are never equal"
        default: "\(name)() is not known; there are has, size, startsWith, endsWith and contains"
        }
    }
}
