/// The text form of one value from the server, valid only while it is being decoded.
///
/// It cannot be copied or kept, because the memory behind it belongs to the result it came from.
public struct PostgresCell: ~Copyable {
    let bytes: UnsafeBufferPointer<UInt8>

    /// The text.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The error for text that is not what the type expects, with the text shortened to something readable.
    func malformed(_ expectation: String) -> PostgresError {
        let shown = bytes.count > 60 ? String(decoding: bytes.prefix(60), as: UTF8.self) + "…" : text
        return PostgresError(.decoding, "\"\(shown)\" is not \(expectation)")
    }
}
