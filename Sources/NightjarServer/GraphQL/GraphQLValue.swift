internal import Foundation

/// What a field is.
enum GraphQLValue: Sendable {
    case scalar(ReplyValue)
    /// Something with fields.
    case object(any Sendable)
    case list([GraphQLValue])

    static let null = GraphQLValue.scalar(.null)

    static func text(_ text: String?) -> GraphQLValue { .scalar(.orNull(text) { .string($0) }) }

    static func date(_ date: Date?) -> GraphQLValue { .scalar(.orNull(date) { .date($0) }) }

    static func ulid(_ id: UUID?) -> GraphQLValue { .scalar(.orNull(id) { .ulid($0) }) }
}
