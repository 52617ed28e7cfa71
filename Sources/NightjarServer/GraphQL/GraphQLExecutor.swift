internal import NightjarCore

/// Answers an operation: goes through what it selects and asks the fields.
struct GraphQLExecutor {
    /// Selections that are looked at for one answer, fragments expanded: a document may multiply them.
    private static let mostSelections = 200_000
    /// Questions in one document: each may read as much as a request of its own.
    private static let mostRootFields = 20

    private let document: GraphQLDocument
    private let types: [String: GraphQLType]
    private var variables: [String: JSON] = [:]
    private var errors: [GraphQLError] = []
    private var budget = mostSelections

    init(document: GraphQLDocument, types: [String: GraphQLType]) {
        self.document = document
        self.types = types
    }

    /// Executes an operation; `explain` turns foreign errors into texts for the caller, or nil.
    mutating func execute(
        operation name: String?, variables given: [String: JSON], explain: (any Error) -> GraphQLError?
    ) async throws -> ReplyValue {
        let candidates = name.map { name in document.operations.filter { $0.name == name } } ?? document.operations
        guard candidates.count == 1, let operation = candidates.first else {
            throw GraphQLError(
                name.map { "there is no operation \"\($0)\"" }
                    ?? "the document has several operations; say operationName")
        }
        for variable in operation.variables {
            variables[variable.name] = given[variable.name] ?? variable.standard
            if variable.isRequired, (variables[variable.name] ?? .null) == .null {
                throw GraphQLError("the variable $\(variable.name) has no value")
            }
        }
        let root = operation.kind == "query" ? "Query" : operation.kind == "mutation" ? "Mutation" : "Subscription"
        let data: ReplyValue
        do {
            guard types[root] != nil else {
                throw GraphQLError("there is no \(operation.kind) that could be made here")
            }
            try validate(operation.selections, of: root, path: [])
            data = try await object(root, GraphQLRoot(), operation.selections, path: [], explain)
        } catch let error as GraphQLError {
            errors.append(error)
            return ["errors": .array(errors.map(\.reply)), "data": nil]
        }
        return errors.isEmpty ? ["data": data] : ["errors": .array(errors.map(\.reply)), "data": data]
    }

    /// The fields that are selected of a type, fragments expanded, those of one name merged.
    private mutating func fields(
        _ selections: [GraphQLDocument.Selection], of type: String, visited: Set<String> = []
    ) throws -> [GraphQLDocument.Field] {
        var found: [GraphQLDocument.Field] = []
        for selection in selections {
            budget -= 1
            guard budget > 0 else { throw GraphQLError("the document asks for too much; ask for less at once") }
            let more: [GraphQLDocument.Field]
            switch selection {
            case .field(let field): more = try isIncluded(field.directives) ? [field] : []
            case .inline(let condition, let directives, let selections):
                let applies = try isIncluded(directives) && (condition == nil || condition == type)
                more = applies ? try fields(selections, of: type, visited: visited) : []
            case .spread(let name, let directives):
                guard let fragment = document.fragments[name] else {
                    throw GraphQLError("Unknown fragment \"\(name)\".")
                }
                guard !visited.contains(name) else { throw GraphQLError("the fragment \"\(name)\" contains itself") }
                let applies = try isIncluded(directives) && fragment.type == type
                more = applies ? try fields(fragment.selections, of: type, visited: visited.union([name])) : []
            }
            for field in more {
                guard let index = found.firstIndex(where: { $0.key == field.key }) else {
                    found.append(field)
                    continue
                }
                guard found[index].name == field.name else {
                    throw GraphQLError("\"\(field.key)\" stands for two fields; use aliases")
                }
                found[index].selections += field.selections
            }
        }
        return found
    }

    private func isIncluded(_ directives: [GraphQLDocument.Directive]) throws -> Bool {
        for directive in directives {
            let condition = directive.arguments["if"]?.resolved(variables).bool ?? false
            switch directive.name {
            case "skip": if condition { return false }
            case "include": if !condition { return false }
            default: throw GraphQLError("Unknown directive \"@\(directive.name)\".")
            }
        }
        return true
    }

    /// Checks before anything is resolved that every field exists, with its arguments, and has subfields where it has any.
    private mutating func validate(
        _ selections: [GraphQLDocument.Selection], of typeName: String, path: [ReplyValue]
    ) throws {
        for field in try fields(selections, of: typeName) where field.name != "__typename" {
            let path = path + [.string(field.key)]
            guard let definition = types[typeName]?.fields[field.name] else {
                throw invalid("Cannot query field \"\(field.name)\" on type \"\(typeName)\".", path)
            }
            for argument in field.arguments.keys.sorted() where !definition.arguments.contains(argument) {
                throw invalid("Unknown argument \"\(argument)\" on field \"\(typeName).\(field.name)\".", path)
            }
            guard let type = definition.type else {
                guard field.selections.isEmpty else {
                    throw invalid("Field \"\(field.name)\" must not have a selection, it has no subfields.", path)
                }
                continue
            }
            guard !field.selections.isEmpty else {
                throw invalid("Field \"\(field.name)\" of type \"\(type)\" must have a selection of subfields.", path)
            }
            try validate(field.selections, of: type, path: path)
        }
    }

    private func invalid(_ message: String, _ path: [ReplyValue]) -> GraphQLError {
        var error = GraphQLError(message, code: "GRAPHQL_VALIDATION_FAILED")
        error.path = path
        return error
    }

    private mutating func object(
        _ typeName: String, _ source: any Sendable, _ selections: [GraphQLDocument.Selection], path: [ReplyValue],
        _ explain: (any Error) -> GraphQLError?
    ) async throws -> ReplyValue {
        var members: [(name: String, value: ReplyValue)] = []
        let fields = try fields(selections, of: typeName)
        guard !path.isEmpty || fields.count <= Self.mostRootFields else {
            throw GraphQLError(
                "the document asks \(fields.count) things at once; the limit is \(Self.mostRootFields): ask one after another"
            )
        }
        for field in fields {
            guard let definition = types[typeName]?.fields[field.name] else {
                members.append((field.key, .string(typeName)))  // __typename
                continue
            }
            let path = path + [.string(field.key)]
            var value = GraphQLValue.null
            do {
                value = try await definition.resolve(source, field.arguments.mapValues { $0.resolved(variables) })
            } catch {
                // A field that fails is null, and the rest is answered.
                guard var known = explain(error) else { throw error }
                known.path = path
                errors.append(known)
            }
            members.append((field.key, try await complete(value, field, definition.type ?? "", path, explain)))
        }
        return .object(members)
    }

    private mutating func complete(
        _ value: GraphQLValue, _ field: GraphQLDocument.Field, _ type: String, _ path: [ReplyValue],
        _ explain: (any Error) -> GraphQLError?
    ) async throws -> ReplyValue {
        switch value {
        case .scalar(let value): return value
        case .object(let source): return try await object(type, source, field.selections, path: path, explain)
        case .list(let values):
            var elements: [ReplyValue] = []
            for (index, value) in values.enumerated() {
                elements.append(try await complete(value, field, type, path + [.integer(Int64(index))], explain))
            }
            return .array(elements)
        }
    }
}
