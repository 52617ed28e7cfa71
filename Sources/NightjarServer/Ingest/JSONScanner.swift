internal import Nightjar

/// Checks JSON and finds the places of its values, without making anything of them: what passes through the server is
/// stored as it was sent, numbers to the last digit. A decoder would keep neither.
///
/// Stricter than JSON where PostgreSQL or a reader would fail later: see ``JSONProblem``.
struct JSONScanner {
    /// The levels of arrays and objects that a body may have; readers of events nest them once or twice more.
    static let depthLimit = 256

    /// A value and what was learnt of it in passing.
    struct Value {
        var kind: Kind
        var range: Range<Int>
    }

    enum Kind: String {
        case null, bool, number, string, array, object
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private(set) var index: Int
    private let end: Int
    /// The bytes that the text read so far has when PostgreSQL writes it: a space after each comma and colon, and all
    /// digits of numbers.
    private(set) var storedSize = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.init(bytes, 0..<bytes.count)
    }

    init(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) {
        self.bytes = bytes
        index = range.lowerBound
        end = range.upperBound
    }

    /// Reads the one value of a text.
    mutating func document() throws(JSONProblem) -> Value {
        let value = try value(depth: 0)
        try finish()
        return value
    }

    /// Makes sure that nothing but space is left.
    mutating func finish() throws(JSONProblem) {
        skipSpace()
        if index < end { throw problem("nothing more after the value") }
    }

    /// Reads an array, and lends the scanner before each element, which the closure has to read.
    mutating func elements(
        depth: Int = 0, _ body: (inout JSONScanner, Int) throws(JSONProblem) -> Void
    ) throws(JSONProblem) {
        try open(depth)
        skipSpace()
        if take("]") { return }
        var count = 0
        repeat {
            try body(&self, count)
            count += 1
            skipSpace()
        } while takeComma()
        guard take("]") else { throw problem("\",\" or \"]\"") }
    }

    /// Reads an object, and lends the scanner before each member's value, which the closure has to read.
    mutating func members(
        depth: Int = 0, _ body: (inout JSONScanner, Range<Int>) throws(JSONProblem) -> Void
    ) throws(JSONProblem) {
        try open(depth)
        skipSpace()
        if take("}") { return }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw problem("a key in quotes") }
            let key = try string()
            skipSpace()
            guard take(":") else { throw problem("\":\"") }
            storedSize += 2
            try body(&self, key)
            skipSpace()
        } while takeComma()
        guard take("}") else { throw problem("\",\" or \"}\"") }
    }

    /// Reads a value of any kind.
    mutating func value(depth: Int) throws(JSONProblem) -> Value {
        skipSpace()
        let start = index
        let kind: Kind
        switch peek {
        case UInt8(ascii: "{"):
            try members(depth: depth) { scanner, _ throws(JSONProblem) in _ = try scanner.value(depth: depth + 1) }
            kind = .object
        case UInt8(ascii: "["):
            try elements(depth: depth) { scanner, _ throws(JSONProblem) in _ = try scanner.value(depth: depth + 1) }
            kind = .array
        case UInt8(ascii: "\""):
            _ = try string()
            kind = .string
        case UInt8(ascii: "t"):
            try word("true")
            kind = .bool
        case UInt8(ascii: "f"):
            try word("false")
            kind = .bool
        case UInt8(ascii: "n"):
            try word("null")
            kind = .null
        default:
            let size = try NumberScan(bytes, from: index, to: end)
            index = size.end
            storedSize += size.storedSize
            kind = .number
        }
        return Value(kind: kind, range: start..<index)
    }

    /// What the content of a string means, which has been read.
    func decoded(_ content: Range<Int>) -> String {
        let text = String(decoding: bytes[content], as: UTF8.self)
        guard bytes[content].contains(UInt8(ascii: "\\")) else { return text }
        return (try? JSONCoding.value(String.self, from: "\"\(text)\"")) ?? text
    }

    /// Whether a place has these very bytes.
    func matches(_ range: Range<Int>, _ text: StaticString) -> Bool {
        range.count == text.utf8CodeUnitCount
            && text.withUTF8Buffer { $0.elementsEqual(bytes[range]) }
    }

    // MARK: - Reading

    private var peek: UInt8? { index < end ? bytes[index] : nil }

    private mutating func open(_ depth: Int) throws(JSONProblem) {
        guard depth < Self.depthLimit else {
            throw JSONProblem(index, "arrays and objects may be nested \(Self.depthLimit) deep at most")
        }
        index += 1
        storedSize += 2
    }

    mutating func skipSpace() {
        while index < end {
            switch bytes[index] {
            case 0x20, 0x09, 0x0A, 0x0D: index += 1
            default: return
            }
        }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func takeComma() -> Bool {
        guard take(",") else { return false }
        storedSize += 2
        return true
    }

    private mutating func word(_ word: StaticString) throws(JSONProblem) {
        guard index + word.utf8CodeUnitCount <= end, matches(index..<index + word.utf8CodeUnitCount, word) else {
            throw problem("a value")
        }
        index += word.utf8CodeUnitCount
        storedSize += word.utf8CodeUnitCount
    }

    /// Reads a string, and answers the place of its content.
    mutating func string() throws(JSONProblem) -> Range<Int> {
        let start = index + 1
        index = start
        while index < end {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                storedSize += index - start + 1
                return start..<index - 1
            case UInt8(ascii: "\\"):
                try escape()
            case 0..<0x20:
                throw problem("no control character in a text; write it as an escape")
            default:
                index += 1
            }
        }
        throw problem("\"\\\"\" at the end of the text")
    }

    private mutating func escape() throws(JSONProblem) {
        let start = index
        index += 2
        guard index <= end else { throw problem("an escape") }
        switch bytes[index - 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return
        case UInt8(ascii: "u"):
            break
        default:
            index = start
            throw problem("an escape that JSON knows")
        }
        let unit = try hex()
        if unit == 0 { throw JSONProblem(start, "a NUL character, \\u0000, cannot be stored; remove it") }
        guard unit & 0xF800 == 0xD800 else { return }
        // A surrogate: the first of two, or there is no such character.
        guard unit < 0xDC00, index + 6 <= end, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u")
        else { throw JSONProblem(start, "half of a surrogate pair is no character; send both, or remove it") }
        index += 2
        guard try hex() & 0xFC00 == 0xDC00 else {
            throw JSONProblem(start, "half of a surrogate pair is no character; send both, or remove it")
        }
    }

    private mutating func hex() throws(JSONProblem) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = peek.flatMap({ UInt8(hexadecimal: $0) }) else { throw problem("four hexadecimal digits") }
            unit = unit << 4 | UInt16(digit)
            index += 1
        }
        return unit
    }

    func problem(_ expected: String) -> JSONProblem {
        JSONProblem(index, "expected \(expected)" + (index < end ? "" : "; it ends here"))
    }
}

extension UInt8 {
    fileprivate init?(hexadecimal byte: UInt8) {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self = byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self = byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self = byte - UInt8(ascii: "A") + 10
        default: return nil
        }
    }
}
