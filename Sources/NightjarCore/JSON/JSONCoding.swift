public import Foundation

/// The one way in which events and step outputs become JSON and are read again.
///
/// Dates are ISO 8601 text in UTC with a fraction of a second; when read, the fraction may be missing, the offset may be
/// any, and a number counts as milliseconds since 1970. `Data` is base64. Whoever sends events from other Swift code
/// should use ``encoder()`` as well, so that both sides agree.
public enum JSONCoding {
    /// Makes an encoder that writes what ``decoder()`` reads.
    public static func encoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        encoder.dataEncodingStrategy = .base64
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(ISO8601.text(of: date))
        }
        return encoder
    }

    /// Makes a decoder that reads what ``encoder()`` writes.
    public static func decoder() -> JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dataDecodingStrategy = .base64
        decoder.dateDecodingStrategy = .custom { decoder in
            let container = try decoder.singleValueContainer()
            if let milliseconds = try? container.decode(Double.self) {
                return Date(timeIntervalSince1970: milliseconds / 1000)
            }
            let text = try container.decode(String.self)
            guard let date = ISO8601.date(from: text) else {
                throw DecodingError.dataCorruptedError(
                    in: container, debugDescription: "\"\(text)\" is not an ISO 8601 date and time")
            }
            return date
        }
        return decoder
    }

    // Coders are expensive to make and, never changed after that, safe to share.
    private static let sharedEncoder = encoder()
    private static let sharedDecoder = decoder()
    private static let sharedSortingEncoder = {
        let encoder = JSONCoding.encoder()
        encoder.outputFormatting.insert(.sortedKeys)
        return encoder
    }()

    /// Encodes a value to JSON text.
    package static func text(_ value: some Encodable) throws -> String {
        String(decoding: try sharedEncoder.encode(value), as: UTF8.self)
    }

    /// Encodes a value to JSON text with the keys of objects in order: the same text for the same value.
    package static func canonicalText(_ value: some Encodable) throws -> String {
        String(decoding: try sharedSortingEncoder.encode(value), as: UTF8.self)
    }

    /// Decodes a value from JSON text.
    package static func value<T: Decodable>(_ type: T.Type, from text: String) throws -> T {
        try sharedDecoder.decode(type, from: Data(text.utf8))
    }
}
