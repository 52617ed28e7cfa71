public import Foundation

extension Data: PostgresEncodable, PostgresDecodable {
    /// Appends `\x` and hexadecimal digits, a `bytea` value.
    public func encode(into buffer: inout PostgresBuffer) throws {
        buffer.appendBinary(self)
    }

    /// Reads a `bytea` value.
    public static func decode(_ cell: borrowing PostgresCell) throws -> Data {
        Data(try cell.binary())
    }
}

/// One byte of a `[UInt8]`, which is a `bytea` value as a whole; by itself a small number.
extension UInt8: PostgresEncodable, PostgresDecodable {
    /// Appends `\x` and hexadecimal digits.
    public static func encodeArray(_ elements: [UInt8], into buffer: inout PostgresBuffer) throws {
        buffer.appendBinary(elements)
    }

    /// Reads a `bytea` value.
    public static func decodeArray(_ cell: borrowing PostgresCell) throws -> [UInt8] {
        try cell.binary()
    }
}

extension PostgresBuffer {
    fileprivate mutating func appendBinary(_ data: some Collection<UInt8>) {
        bytes.reserveCapacity(bytes.count + 2 + 2 * data.count)
        append("\\x")
        for byte in data { appendHex(byte) }
    }
}

extension PostgresCell {
    fileprivate borrowing func binary() throws -> [UInt8] {
        guard bytes.count >= 2, bytes.count.isMultiple(of: 2), bytes[0] == UInt8(ascii: "\\"),
            bytes[1] == UInt8(ascii: "x")
        else { throw malformed("a binary string in hexadecimal form") }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count / 2 - 1)
        for index in stride(from: 2, to: bytes.count, by: 2) {
            guard let high = Self.digit(bytes[index]), let low = Self.digit(bytes[index + 1]) else {
                throw malformed("a binary string in hexadecimal form")
            }
            result.append(high << 4 | low)
        }
        return result
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
