/// The smallest part of an expression or a path that means something.
struct ExpressionToken: Hashable {
    enum Kind: Hashable {
        case name(String)
        /// The content of a string, without quotes and escapes.
        case string(String)
        /// The digits of a number as they are written, without a sign.
        case number(String)
        /// An operator, a bracket or another mark.
        case symbol(String)
        /// Something that is no token; nothing after it is read.
        case invalid(reason: String)
        case end
    }

    var kind: Kind
    /// The characters of the text that it takes up, counted from 0.
    var range: Range<Int>
    /// As it is written.
    var text: String

    /// How messages call it.
    var name: String { kind == .end ? "the end" : "\"\(ErrorText.printable(text))\"" }
}
