/// The name of a database object, which cannot be a parameter of a statement.
public struct PostgresIdentifier: Hashable, Sendable {
    /// The name as it is stored.
    public var name: String

    /// Takes a name as it is stored, without quotes.
    public init(_ name: String) {
        self.name = name
    }

    /// The name in double quotes, safe to be put into a statement.
    public var quoted: String {
        let safe = name.replacing("\0", with: "").replacing("\"", with: "\"\"")
        return "\"\(safe)\""
    }
}
