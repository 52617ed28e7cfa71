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
        guard cell.bytes.count == 36, let value = UUID(uuidString: cell.text) else { throw cell.malformed("a UUID") }
        return value
    }
}
