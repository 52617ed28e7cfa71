/// A word of a GraphQL document, and the line that it stands in.
struct GraphQLToken: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case name(String)
        case integer(Int64)
        case number(Double)
        case string(String)
        /// `{`, `$`, `...` and so on.
        case mark(String)
        case end
    }

    var kind: Kind
    var line: Int
}
