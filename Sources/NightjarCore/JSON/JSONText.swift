/// Checks on JSON text that do not need it parsed.
enum JSONText {
    /// Says whether the text contains a NUL character, escaped or not: `jsonb` cannot hold one.
    static func containsNUL(_ text: String) -> Bool {
        var text = text
        return text.withUTF8(containsNUL)
    }

    private static func containsNUL(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case 0:
                return true
            case UInt8(ascii: "\\"):
                // The character after a backslash belongs to it: `\\u0000` is a backslash and five plain characters.
                if bytes[index...].dropFirst().starts(with: "u0000".utf8) { return true }
                index += 2
            default:
                index += 1
            }
        }
        return false
    }
}
