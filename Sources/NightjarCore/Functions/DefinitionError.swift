/// All that is wrong with the definition of a function.
public struct DefinitionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The function.
    public let functionID: String
    /// Each with its remedy.
    public let problems: [String]

    /// The error in one line.
    public var description: String {
        "function \"\(ErrorText.printable(functionID))\": " + problems.joined(separator: "; ")
    }
}
