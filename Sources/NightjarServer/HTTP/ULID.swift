package import Foundation

/// The text under which the HTTP API names events and runs: 128 bits in Crockford's base 32, 26 characters, of which the
/// first ten are milliseconds since 1970. Our ids are UUIDs of version 7, which begin with the same milliseconds, so the
/// same 128 bits serve for both and sort alike. Specification: github.com/ulid/spec.
package enum ULID {
    private static let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    /// Writes an id as a ULID.
    package static func text(_ id: UUID) -> String {
        let bytes = withUnsafeBytes(of: id.uuid) { Array($0) }
        var value = bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        var text = [UInt8](repeating: 0, count: 26)
        for index in text.indices.reversed() {
            text[index] = digits[Int(value & 31)]
            value >>= 5
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads a ULID, in either case; also a UUID. Nil when it is neither.
    package static func id(_ text: String) -> UUID? {
        let text = text.utf8
        guard text.count == 26 else { return UUID(uuidString: String(decoding: Array(text), as: UTF8.self)) }
        var value: UInt128 = 0
        for (index, byte) in text.enumerated() {
            guard let digit = digit(byte), index > 0 || digit < 8 else { return nil }
            value = value << 5 | UInt128(digit)
        }
        let bytes = (0..<16).map { UInt8(truncatingIfNeeded: value >> (8 * (15 - UInt128($0)))) }
        return bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        let letter = byte >= UInt8(ascii: "a") ? byte & 0xDF : byte
        // As the specification reads them by hand.
        let read =
            switch letter {
            case UInt8(ascii: "O"): UInt8(ascii: "0")
            case UInt8(ascii: "I"), UInt8(ascii: "L"): UInt8(ascii: "1")
            default: letter
            }
        return digits.firstIndex(of: read).map { UInt8($0) }
    }
}
