internal import NightjarCore

/// A GraphQL document: operations, and the fragments that they share.
struct GraphQLDocument: Sendable {
    struct Operation: Sendable {
        /// `query`, `mutation` or `subscription`.
        var kind: String
        var name: String?
        var variables: [Variable]
        var selections: [Selection]
    }

    struct Variable: Sendable {
        var name: String
        var isRequired: Bool
        var standard: JSON?
    }

    indirect enum Selection: Sendable {
        case field(Field)
        /// `...Name`
        case spread(String, [Directive])
        /// `... on Type { }`
        case inline(type: String?, [Directive], [Selection])
    }

    struct Field: Sendable {
        var alias: String?
        var name: String
        var arguments: [String: Value]
        var directives: [Directive]
        var selections: [Selection]

        /// Under which name it is answered.
        var key: String { alias ?? name }
    }

    struct Directive: Sendable {
        var name: String
        var arguments: [String: Value]
    }

    struct Fragment: Sendable {
        var type: String
        var selections: [Selection]
    }

    indirect enum Value: Sendable {
        case literal(JSON)
        case variable(String)
        case list([Value])
        case object([String: Value])
    }

    var operations: [Operation] = []
    var fragments: [String: Fragment] = [:]
}
