public import Foundation

/// A JSON document as text, for columns of type `json` and `jsonb`.
///
/// The text passes through as it is; only ``decode(_:using:)`` looks inside. Equality is equality of the texts.
public struct PostgresJSON: Sendable, Hashable {
    /// The document; the server checks that it is JSON.
    public var text: String

    /// Takes a document as it is.
    public init(_ text: String) {
        self.text = text
    }

    /// Encodes a value.
    ///
    /// - Throws: `EncodingError`.
    public init(encoding value: some Encodable, using encoder: JSONEncoder = JSONEncoder()) throws {
        text = String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// Decodes the document.
    ///
    /// - Throws: `DecodingError`.
    public func decode<T: Decodable>(_ type: T.Type = T.self, using decoder: JSONDecoder = JSONDecoder()) throws -> T {
        try decoder.decode(type, from: Data(text.utf8))
    }

    /// The document `null`, which is a value, unlike SQL's NULL.
    public static let null = PostgresJSON("null")
}

extension PostgresJSON: PostgresEncodable, PostgresDecodable {
    /// Appends the document.
    public func encode(into buffer: inout PostgresBuffer) throws {
        buffer.append(text)
    }

    /// Takes the text as it is.
    public static func decode(_ cell: borrowing PostgresCell) throws -> PostgresJSON {
        PostgresJSON(cell.text)
    }
}
