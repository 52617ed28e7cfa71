/// A value that can be a parameter of a statement.
///
/// Parameters travel as text and the server infers their types, so `$1` next to an `integer` column takes any Swift
/// integer; where nothing tells the type, write a cast, `$1::bigint[]`. Enumerations with raw values conform without
/// further code.
public protocol PostgresEncodable: Sendable {
    /// Whether the value stands for NULL, in which case `encode(into:)` is not called.
    var isNull: Bool { get }

    /// Appends PostgreSQL's text form of the value.
    ///
    /// - Throws: Whatever tells the user why the value has no such form.
    func encode(into buffer: inout PostgresBuffer) throws

    /// Appends the text form of an array of values.
    static func encodeArray(_ elements: [Self], into buffer: inout PostgresBuffer) throws

    /// Whether the text form, as an element of an array, may need quotes; true by default.
    static var isQuotedInArrays: Bool { get }

    /// Whether values are arrays themselves, which cannot be elements of arrays; false by default.
    static var isArray: Bool { get }
}

extension PostgresEncodable {
    /// False.
    public var isNull: Bool { false }

    /// True.
    public static var isQuotedInArrays: Bool { true }

    /// False.
    public static var isArray: Bool { false }

    /// Appends `{…}` with every element quoted if it has to be.
    public static func encodeArray(_ elements: [Self], into buffer: inout PostgresBuffer) throws {
        guard !isArray else {
            throw PostgresError(.encoding, "arrays of arrays are not supported; send JSON instead")
        }
        buffer.append(UInt8(ascii: "{"))
        for (index, element) in elements.enumerated() {
            if index > 0 { buffer.append(UInt8(ascii: ",")) }
            if element.isNull {
                buffer.append("NULL")
            } else if isQuotedInArrays {
                buffer.append(UInt8(ascii: "\""))
                let start = buffer.bytes.count
                try element.encode(into: &buffer)
                buffer.escapeArrayElement(from: start)
                buffer.append(UInt8(ascii: "\""))
            } else {
                try element.encode(into: &buffer)
            }
        }
        buffer.append(UInt8(ascii: "}"))
    }
}

extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
    /// Appends the raw value.
    public func encode(into buffer: inout PostgresBuffer) throws {
        try rawValue.encode(into: &buffer)
    }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    /// Whether there is no value.
    public var isNull: Bool {
        switch self {
        case .none: true
        case .some(let value): value.isNull
        }
    }

    /// Appends the wrapped value.
    public func encode(into buffer: inout PostgresBuffer) throws {
        try self?.encode(into: &buffer)
    }

    /// What the wrapped type says.
    public static var isQuotedInArrays: Bool { Wrapped.isQuotedInArrays }

    /// What the wrapped type says.
    public static var isArray: Bool { Wrapped.isArray }
}

extension Array: PostgresEncodable where Element: PostgresEncodable {
    /// Appends an array; `[UInt8]` becomes a `bytea` value.
    public func encode(into buffer: inout PostgresBuffer) throws {
        try Element.encodeArray(self, into: &buffer)
    }

    /// True but for `[UInt8]`, which is one `bytea` value.
    public static var isArray: Bool { Element.self != UInt8.self }
}
