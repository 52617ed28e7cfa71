/// A type that can be read from a column.
///
/// Enumerations with raw values conform without further code. `Optional` takes NULL, any other type refuses it.
public protocol PostgresDecodable: Sendable {
    /// Reads PostgreSQL's text form.
    ///
    /// - Throws: Whatever tells the user why the text has no form in this type; name and type of the column are added.
    static func decode(_ cell: borrowing PostgresCell) throws -> Self

    /// The value for NULL; throws by default.
    static func decodeNull() throws -> Self

    /// Reads the text form of an array of values.
    static func decodeArray(_ cell: borrowing PostgresCell) throws -> [Self]
}

extension PostgresDecodable {
    /// Throws, because most types have no value for NULL.
    public static func decodeNull() throws -> Self {
        throw PostgresError(.decoding, "it is NULL")
    }

    /// Reads `{…}`, one dimension only.
    public static func decodeArray(_ cell: borrowing PostgresCell) throws -> [Self] {
        var parser = ArrayParser(cell.bytes)
        var elements: [Self] = []
        try parser.begin()
        while let element = try parser.next() {
            switch element {
            case .null: elements.append(try decodeNull())
            case .text(let bytes): elements.append(try decode(PostgresCell(bytes: bytes)))
            case .escaped(let bytes):
                elements.append(try bytes.withUnsafeBufferPointer { try decode(PostgresCell(bytes: $0)) })
            }
        }
        return elements
    }
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
    /// Reads the raw value and refuses those that have no case.
    public static func decode(_ cell: borrowing PostgresCell) throws -> Self {
        guard let value = Self(rawValue: try RawValue.decode(cell)) else {
            throw PostgresError(.decoding, "no case has this raw value")
        }
        return value
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    /// Reads the wrapped type.
    public static func decode(_ cell: borrowing PostgresCell) throws -> Wrapped? {
        try Wrapped.decode(cell)
    }

    /// `nil`.
    public static func decodeNull() throws -> Wrapped? { nil }
}

extension Array: PostgresDecodable where Element: PostgresDecodable {
    /// Reads an array, or a `bytea` value in the case of `[UInt8]`.
    public static func decode(_ cell: borrowing PostgresCell) throws -> [Element] {
        try Element.decodeArray(cell)
    }
}
