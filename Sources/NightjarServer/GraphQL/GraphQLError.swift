/// What is wrong with a GraphQL request, or with one of its fields.
struct GraphQLError: Error {
    var message: String
    /// The names, and places in lists, that lead to the field.
    var path: [ReplyValue]?
    /// For programs, such as `not_found`.
    var code: String?

    init(_ message: String, code: String? = nil) {
        self.message = message
        self.code = code
    }

    var reply: ReplyValue {
        var value: ReplyValue = ["message": .string(message)]
        value.add("path", path.map { .array($0) })
        value.add("extensions", code.map { ["code": .string($0)] })
        return value
    }
}
