internal import Foundation

/// A number of a JSON text: where it ends, and how long it is once stored.
struct NumberScan {
    /// The digits that a number may have; a double has 17, and 1,074 after the point where it is smallest.
    private static let limit = 1_100

    /// The place after the number.
    let end: Int
    /// The bytes that PostgreSQL writes it with, which knows no exponents.
    let storedSize: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, to limit: Int) throws(JSONProblem) {
        var index = start
        func digits() -> Int {
            let first = index
            while index < limit, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) { index += 1 }
            return index - first
        }
        func isAt(_ characters: Unicode.Scalar...) -> Bool {
            index < limit && characters.contains { bytes[index] == UInt8(ascii: $0) }
        }
        if isAt("-") { index += 1 }
        let leading = index
        let whole = digits()
        guard whole == 1 || whole > 1 && bytes[leading] != UInt8(ascii: "0") else {
            let reason = whole == 0 ? "expected a value" : "a number does not begin with 0"
            throw JSONProblem(start, reason + (start < limit ? "" : "; the text ends here"))
        }
        var fraction = 0
        if isAt(".") {
            index += 1
            fraction = digits()
            guard fraction > 0 else { throw JSONProblem(index, "expected a digit") }
        }
        var exponent = 0
        if isAt("e", "E") {
            index += 1
            let sign = isAt("-") ? -1 : 1
            if isAt("-", "+") { index += 1 }
            let first = index
            guard digits() > 0 else { throw JSONProblem(index, "expected a digit") }
            exponent = sign * (Int(String(decoding: bytes[first..<index].prefix(9), as: UTF8.self)) ?? 0)
        }
        end = index
        guard whole + fraction <= Self.limit else {
            throw JSONProblem(start, "a number may have \(Self.limit) digits at most; send it as a text")
        }
        // What no reader can hold is refused here, where the sender learns of it.
        guard exponent != 0 || whole > 300 else {
            storedSize = 1 + index - start
            return
        }
        guard let value = Double(String(decoding: bytes[start..<index], as: UTF8.self)), value.isFinite,
            exponent > -Self.limit
        else { throw JSONProblem(start, "a number must lie within those of 64-bit floating point; send it as a text") }
        storedSize = 2 + max(whole + max(exponent, 0), 1) + max(fraction - exponent, 0)
    }
}
