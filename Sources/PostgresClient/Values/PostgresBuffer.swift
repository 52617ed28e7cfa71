/// The text of parameters while it is being put together, in UTF-8.
public struct PostgresBuffer: Sendable {
    var bytes: [UInt8] = []

    init() {}

    /// Appends text.
    public mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    /// Appends one byte of UTF-8.
    public mutating func append(_ byte: UInt8) {
        bytes.append(byte)
    }

    /// Appends bytes of UTF-8.
    public mutating func append(contentsOf more: some Sequence<UInt8>) {
        bytes.append(contentsOf: more)
    }

    /// Appends a number, filled up with zeros in front to `width` digits.
    mutating func append(_ number: Int, width: Int) {
        let digits = String(number)
        for _ in 0..<max(0, width - digits.utf8.count) { bytes.append(UInt8(ascii: "0")) }
        append(digits)
    }

    /// Appends two hexadecimal digits.
    mutating func appendHex(_ byte: UInt8) {
        bytes.append(Self.hexDigits[Int(byte >> 4)])
        bytes.append(Self.hexDigits[Int(byte & 15)])
    }

    /// Puts a backslash before every quote and backslash from `start` on.
    ///
    /// Works on bytes: going by character made arrays of strings more than twice as slow to send.
    mutating func escapeArrayElement(from start: Int) {
        let isSpecial = { (byte: UInt8) in byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") }
        guard let first = bytes[start...].firstIndex(where: isSpecial) else { return }
        let tail = Array(bytes[first...])
        bytes.removeSubrange(first...)
        for byte in tail {
            if isSpecial(byte) { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
    }

    private static let hexDigits = Array("0123456789abcdef".utf8)
}
