internal import NightjarCore

/// A type of the schema: its fields.
struct GraphQLType: Sendable {
    var fields: [String: GraphQLField]
}

/// A field of a type: which arguments it takes, what type it is of, and what it is of an object.
struct GraphQLField: Sendable {
    var arguments: Set<String>
    /// The type of its value, or of each of a list; nil when that has no fields.
    var type: String?
    var resolve: @Sendable (_ source: any Sendable, _ arguments: [String: JSON]) async throws -> GraphQLValue

    /// A field of objects that are shown by values of one Swift type.
    init<Source: Sendable>(
        _ source: Source.Type, arguments: Set<String> = [], type: String? = nil,
        _ resolve: @escaping @Sendable (Source, [String: JSON]) async throws -> GraphQLValue
    ) {
        self.arguments = arguments
        self.type = type
        self.resolve = { source, arguments in
            guard let source = source as? Source else { return .null }
            return try await resolve(source, arguments)
        }
    }
}

/// What operations begin with.
struct GraphQLRoot: Sendable {}
