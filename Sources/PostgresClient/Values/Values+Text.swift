public import Foundation

extension String: PostgresEncodable, PostgresDecodable {
    /// Appends the text itself.
    public func encode(into buffer: inout PostgresBuffer) throws {
        buffer.append(self)
    }

    /// Takes the text form of any type.
    public static func decode(_ cell: borrowing PostgresCell) throws -> String {
        cell.text
    }
}

extension UUID: PostgresEncodable, PostgresDecodable {
    /// Appends 36 characters in lower case.
    public func encode(into buffer: inout PostgresBuffer) throws {
        withUnsafeBytes(of: uuid) { bytes in
            for (index, byte) in bytes.enumerated() {
                if index == 4 || index == 6 || index == 8 || index == 10 { buffer.append(UInt8(ascii: "-")) }
                buffer.appendHex(byte)
            }
        }
    }

    /// False: hexadecimal digits need no quotes.
    public static var isQuotedInArrays: Bool { false }

    /// Reads the form with hyphens.
    public static func decode(_ cell: borrowing PostgresCell) throws -> UUID {
        guard let value = UUID(hyphenated: cell.bytes) else { throw cell.malformed("a UUID") }
        return value
    }

    /// By hand: Foundation's reads by sscanf, 1.5 % of a busy worker's time.
    private init?(hyphenated text: UnsafeBufferPointer<UInt8>) {
        guard text.count == 36 else { return nil }
        var (high, low): (UInt64, UInt64) = (0, 0)
        for (index, byte) in text.enumerated() {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            high = high << 4 | low >> 60
            low = low << 4 | UInt64(digit)
        }
        self = withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { bytes in
            UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
        }
    }
}
