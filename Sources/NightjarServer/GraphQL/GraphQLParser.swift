internal import NightjarCore

/// Reads a GraphQL document (GraphQL, October 2021, section 2): what clients send, not schemas.
struct GraphQLParser {
    /// Levels of braces and brackets: beyond that nobody means it.
    private static let deepest = 64

    private var lexer: GraphQLLexer
    private var token: GraphQLToken
    private var depth = 0

    static func parse(_ text: String) throws -> GraphQLDocument {
        var parser = try GraphQLParser(text)
        return try parser.document()
    }

    private init(_ text: String) throws {
        lexer = GraphQLLexer(text)
        token = try lexer.next()
    }

    private mutating func document() throws -> GraphQLDocument {
        var document = GraphQLDocument()
        while token.kind != .end {
            if token.kind == .mark("{") {
                document.operations.append(.init(kind: "query", variables: [], selections: try selections()))
                continue
            }
            switch try name() {
            case "fragment":
                let name = try name()
                try expect(word: "on")
                let type = try self.name()
                _ = try directives()
                document.fragments[name] = .init(type: type, selections: try selections())
            case let kind where ["query", "mutation", "subscription"].contains(kind):
                var name: String?
                if case .name(let given) = token.kind {
                    name = given
                    try advance()
                }
                let variables = token.kind == .mark("(") ? try variables() : []
                _ = try directives()
                document.operations.append(
                    .init(kind: kind, name: name, variables: variables, selections: try selections()))
            case let word:
                throw GraphQLError("line \(token.line): \"\(word)\" begins neither an operation nor a fragment")
            }
        }
        guard !document.operations.isEmpty else { throw GraphQLError("the document has no operation") }
        return document
    }

    private mutating func variables() throws -> [GraphQLDocument.Variable] {
        try list("(", ")") { parser in
            try parser.expect("$")
            let name = try parser.name()
            try parser.expect(":")
            let isRequired = try parser.type()
            var standard: JSON?
            if try parser.take("=") { standard = try parser.value().constant() }
            _ = try parser.directives()
            return .init(name: name, isRequired: isRequired, standard: standard)
        }
    }

    /// Reads a type; answers whether null is none of its values.
    private mutating func type() throws -> Bool {
        if token.kind == .mark("[") { _ = try list("[", "]") { try $0.type() } } else { _ = try name() }
        return try take("!")
    }

    private mutating func selections() throws -> [GraphQLDocument.Selection] {
        try list("{", "}") { try $0.selection() }
    }

    private mutating func selection() throws -> GraphQLDocument.Selection {
        guard try take("...") else { return .field(try field()) }
        if case .name(let word) = token.kind, word != "on" {
            try advance()
            return .spread(word, try directives())
        }
        var type: String?
        if token.kind == .name("on") {
            try advance()
            type = try name()
        }
        return .inline(type: type, try directives(), try selections())
    }

    private mutating func field() throws -> GraphQLDocument.Field {
        var alias: String?
        var name = try name()
        if try take(":") {
            alias = name
            name = try self.name()
        }
        return .init(
            alias: alias, name: name, arguments: try arguments(), directives: try directives(),
            selections: token.kind == .mark("{") ? try selections() : [])
    }

    private mutating func arguments() throws -> [String: GraphQLDocument.Value] {
        guard token.kind == .mark("(") else { return [:] }
        let pairs = try list("(", ")") { parser in
            let name = try parser.name()
            try parser.expect(":")
            return (name, try parser.value())
        }
        return Dictionary(pairs) { _, last in last }
    }

    private mutating func directives() throws -> [GraphQLDocument.Directive] {
        var found: [GraphQLDocument.Directive] = []
        while try take("@") { found.append(.init(name: try name(), arguments: try arguments())) }
        return found
    }

    private mutating func value() throws -> GraphQLDocument.Value {
        switch token.kind {
        case .mark("$"):
            try advance()
            return .variable(try name())
        case .mark("["): return .list(try list("[", "]", mayBeEmpty: true) { try $0.value() })
        case .mark("{"):
            let pairs = try list("{", "}", mayBeEmpty: true) { parser in
                let name = try parser.name()
                try parser.expect(":")
                return (name, try parser.value())
            }
            return .object(Dictionary(pairs) { _, last in last })
        case .integer(let value): return try literal(.integer(value))
        case .number(let value): return try literal(.number(value))
        case .string(let value): return try literal(.string(value))
        case .name("true"): return try literal(true)
        case .name("false"): return try literal(false)
        case .name("null"): return try literal(nil)
        // An enumeration's value.
        case .name(let word): return try literal(.string(word))
        case .mark, .end: throw unexpected("a value")
        }
    }

    private mutating func literal(_ value: JSON) throws -> GraphQLDocument.Value {
        try advance()
        return .literal(value)
    }

    // MARK: - Words

    private mutating func list<Element>(
        _ open: String, _ close: String, mayBeEmpty: Bool = false, _ element: (inout Self) throws -> Element
    ) throws -> [Element] {
        try expect(open)
        depth += 1
        guard depth <= Self.deepest else {
            throw GraphQLError("line \(token.line): more than \(Self.deepest) levels of braces and brackets")
        }
        var elements: [Element] = []
        while try !take(close) { elements.append(try element(&self)) }
        depth -= 1
        guard mayBeEmpty || !elements.isEmpty else {
            throw GraphQLError("line \(token.line): nothing stands between \(open) and \(close)")
        }
        return elements
    }

    private mutating func advance() throws { token = try lexer.next() }

    private mutating func take(_ mark: String) throws -> Bool {
        guard token.kind == .mark(mark) else { return false }
        try advance()
        return true
    }

    private mutating func expect(_ mark: String) throws {
        guard try take(mark) else { throw unexpected(mark) }
    }

    private mutating func expect(word: String) throws {
        guard token.kind == .name(word) else { throw unexpected(word) }
        try advance()
    }

    private mutating func name() throws -> String {
        guard case .name(let name) = token.kind else { throw unexpected("a name") }
        try advance()
        return name
    }

    private func unexpected(_ wanted: String) -> GraphQLError {
        let found =
            switch token.kind {
            case .end: "the document ends"
            case .mark(let mark): "\(mark) stands"
            case .name(let name): "\(name) stands"
            case .integer(let value): "\(value) stands"
            case .number(let value): "\(value) stands"
            case .string: "a string stands"
            }
        return GraphQLError("line \(token.line): \(found) where \(wanted) is expected")
    }
}

extension GraphQLDocument.Value {
    /// The value where no variable may stand.
    fileprivate func constant() -> JSON { resolved([:]) }

    /// The value, with those of variables in their places; a variable without one is null.
    func resolved(_ variables: [String: JSON]) -> JSON {
        switch self {
        case .literal(let value): value
        case .variable(let name): variables[name] ?? .null
        case .list(let values): .array(values.map { $0.resolved(variables) })
        case .object(let members): .object(members.mapValues { $0.resolved(variables) })
        }
    }
}
