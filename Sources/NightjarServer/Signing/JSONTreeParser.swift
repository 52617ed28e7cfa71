/// Reads JSON (RFC 8259), and nothing that is almost JSON.
struct JSONTreeParser {
    /// Deeper than what anybody sends, and shallower than what a stack holds.
    static let mostLevels = 512

    private let bytes: [UInt8]
    private var place = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func parse() throws(JSONTree.SyntaxError) -> JSONTree.Node {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw JSONTree.SyntaxError(position: 0, reason: "this is no UTF-8")
        }
        skipSpace()
        let node = try value(level: 0)
        skipSpace()
        guard place == bytes.count else { throw failure("something follows the value") }
        return node
    }

    private func failure(_ reason: String) -> JSONTree.SyntaxError {
        JSONTree.SyntaxError(position: place, reason: reason)
    }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { place += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func value(level: Int) throws(JSONTree.SyntaxError) -> JSONTree.Node {
        guard level < Self.mostLevels else { throw failure("more than \(Self.mostLevels) levels") }
        let start = place
        guard let first = next else { throw failure("the text ends where a value has to begin") }
        switch first {
        case UInt8(ascii: "{"): return try object(level: level)
        case UInt8(ascii: "["): return try array(level: level)
        case UInt8(ascii: "\""):
            try string()
            return .string(start..<place)
        case UInt8(ascii: "n"):
            try word("null")
            return .null(start..<place)
        case UInt8(ascii: "t"):
            try word("true")
            return .bool(true, start..<place)
        case UInt8(ascii: "f"):
            try word("false")
            return .bool(false, start..<place)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            try number()
            return .number(start..<place)
        default: throw failure("no value begins like this")
        }
    }

    private mutating func object(level: Int) throws(JSONTree.SyntaxError) -> JSONTree.Node {
        let start = place
        place += 1
        var members: [(key: String, value: JSONTree.Node)] = []
        skipSpace()
        if take("}") { return .object(members, start..<place) }
        while true {
            skipSpace()
            let key = place
            guard next == UInt8(ascii: "\"") else { throw failure("a key has to begin here") }
            try string()
            let name = JSONStringText.decode(bytes[key..<place])
            skipSpace()
            guard take(":") else { throw failure("a colon has to follow a key") }
            skipSpace()
            members.append((name, try value(level: level + 1)))
            skipSpace()
            if take("}") { return .object(members, start..<place) }
            guard take(",") else { throw failure("a comma or the end of the object has to follow") }
        }
    }

    private mutating func array(level: Int) throws(JSONTree.SyntaxError) -> JSONTree.Node {
        let start = place
        place += 1
        var elements: [JSONTree.Node] = []
        skipSpace()
        if take("]") { return .array(elements, start..<place) }
        while true {
            skipSpace()
            elements.append(try value(level: level + 1))
            skipSpace()
            if take("]") { return .array(elements, start..<place) }
            guard take(",") else { throw failure("a comma or the end of the array has to follow") }
        }
    }

    private mutating func word(_ word: StaticString) throws(JSONTree.SyntaxError) {
        for index in 0..<word.utf8CodeUnitCount {
            guard next == word.utf8Start[index] else { throw failure("no value begins like this") }
            place += 1
        }
    }

    private mutating func string() throws(JSONTree.SyntaxError) {
        place += 1
        while let byte = next {
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return
            case UInt8(ascii: "\\"): try escape()
            case 0..<0x20: throw failure("a control character has to be escaped in a string")
            default: continue
            }
        }
        throw failure("a string does not end")
    }

    private mutating func escape() throws(JSONTree.SyntaxError) {
        guard let byte = next else { throw failure("a string does not end") }
        place += 1
        if byte == UInt8(ascii: "u") {
            for _ in 0..<4 {
                guard let digit = next, JSONStringText.hexDigit(digit) != nil else {
                    throw failure("four hexadecimal digits have to follow \\u")
                }
                place += 1
            }
        } else if !"\"\\/bfnrt".utf8.contains(byte) {
            throw failure("no escape begins like this")
        }
    }

    private mutating func number() throws(JSONTree.SyntaxError) {
        let start = place
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
        // Almost all numbers are short; what is long may be larger than anything that a number can be elsewhere.
        guard place - start > 18 || bytes[start..<place].contains(where: { $0 | 0x20 == UInt8(ascii: "e") }) else {
            return
        }
        guard Double(String(decoding: bytes[start..<place], as: UTF8.self))?.isFinite == true, place - start < 4096
        else { throw failure("the number is too large") }
    }

    private mutating func digits() throws(JSONTree.SyntaxError) {
        guard let first = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            throw failure("a digit has to follow")
        }
        while let digit = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) { place += 1 }
    }
}
