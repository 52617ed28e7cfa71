/// What only the server may write into the data of an event.
enum ReservedMembers {
    /// The text of an object without such members.
    static func removed(from bytes: UnsafeBufferPointer<UInt8>, _ place: Range<Int>) throws(JSONProblem) -> String {
        guard mayHave(bytes[place]) else { return String(decoding: bytes[place], as: UTF8.self) }
        var kept: [Range<Int>] = []
        var isWhole = true
        var scanner = JSONScanner(bytes, place)
        try scanner.members { scanner, key throws(JSONProblem) in
            let value = try scanner.value(depth: 1)
            if EventLimits.reservedMembers.contains(scanner.decoded(key)) {
                isWhole = false
            } else {
                kept.append(key.lowerBound - 1..<value.range.upperBound)
            }
        }
        guard !isWhole else { return String(decoding: bytes[place], as: UTF8.self) }
        return "{" + kept.map { String(decoding: bytes[$0], as: UTF8.self) }.joined(separator: ",") + "}"
    }

    /// Whether a key that begins with an underscore may be there, plain or as an escape.
    private static func mayHave(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        var last: UInt8 = 0
        for byte in bytes {
            if last == UInt8(ascii: "\""), byte == UInt8(ascii: "_") || byte == UInt8(ascii: "\\") { return true }
            if last == UInt8(ascii: "\\"), byte == UInt8(ascii: "u") { return true }
            last = byte
        }
        return false
    }
}
