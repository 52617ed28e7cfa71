/// Reads PostgreSQL's text form of one-dimensional arrays: `{1,NULL,"a \"b\""}`.
struct ArrayParser {
    enum Element {
        case null
        /// Bytes as they stand in the input.
        case text(UnsafeBufferPointer<UInt8>)
        /// Bytes that differ from the input because backslashes were taken out.
        case escaped([UInt8])
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var isFirst = true

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    mutating func begin() throws {
        // An array whose lower bound is not 1 is announced as `[0:2]={…}`.
        if peek == UInt8(ascii: "["), let equals = bytes.firstIndex(of: UInt8(ascii: "=")) { position = equals + 1 }
        guard peek == UInt8(ascii: "{") else { throw malformed }
        position += 1
    }

    mutating func next() throws -> Element? {
        if isFirst, peek == UInt8(ascii: "}") { return try finish() }
        if !isFirst {
            switch peek {
            case UInt8(ascii: "}"): return try finish()
            case UInt8(ascii: ","): position += 1
            default: throw malformed
            }
        }
        isFirst = false
        switch peek {
        case UInt8(ascii: "{"):
            throw PostgresError(.decoding, "it has more than one dimension; select it as JSON instead")
        case UInt8(ascii: "\""): return try quoted()
        default: return try unquoted()
        }
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private var malformed: PostgresError { PostgresError(.decoding, "it is not an array in text form") }

    private mutating func finish() throws -> Element? {
        guard position == bytes.count - 1 else { throw malformed }
        return nil
    }

    private mutating func unquoted() throws -> Element {
        let start = position
        while let byte = peek, byte != UInt8(ascii: ","), byte != UInt8(ascii: "}") {
            guard byte != UInt8(ascii: "\\"), byte != UInt8(ascii: "\"") else { throw malformed }
            position += 1
        }
        guard position > start, peek != nil else { throw malformed }
        let slice = UnsafeBufferPointer(rebasing: bytes[start..<position])
        // The server quotes the string "NULL", so the bare word always means the absence of a value.
        return slice.count == 4 && String(decoding: slice, as: UTF8.self) == "NULL" ? .null : .text(slice)
    }

    private mutating func quoted() throws -> Element {
        position += 1
        let start = position
        var unescaped: [UInt8]?
        while let byte = peek {
            if byte == UInt8(ascii: "\"") {
                defer { position += 1 }
                if let unescaped { return .escaped(unescaped) }
                return .text(UnsafeBufferPointer(rebasing: bytes[start..<position]))
            }
            if byte == UInt8(ascii: "\\") {
                if unescaped == nil { unescaped = Array(bytes[start..<position]) }
                position += 1
                guard let escaped = peek else { throw malformed }
                unescaped?.append(escaped)
            } else {
                unescaped?.append(byte)
            }
            position += 1
        }
        throw malformed
    }
}
