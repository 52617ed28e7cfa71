extension PostgresEncodable where Self: FixedWidthInteger {
    /// Appends decimal digits.
    public func encode(into buffer: inout PostgresBuffer) throws {
        buffer.append(String(self))
    }

    /// False: digits need no quotes.
    public static var isQuotedInArrays: Bool { false }
}

extension PostgresDecodable where Self: FixedWidthInteger {
    /// Reads decimal digits and refuses what does not fit.
    public static func decode(_ cell: borrowing PostgresCell) throws -> Self {
        let bytes = cell.bytes
        let isNegative = bytes.first == UInt8(ascii: "-")
        guard bytes.count > (isNegative ? 1 : 0) else { throw cell.malformed("an integer") }
        var value: Self = 0
        for byte in isNegative ? bytes.dropFirst() : bytes[...] {
            guard let digit = Self(exactly: byte &- UInt8(ascii: "0")), digit < 10 else {
                throw cell.malformed("an integer")
            }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            // Counting downwards reaches the least value, which has no positive counterpart.
            let (sum, carry) =
                isNegative ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
            guard !overflow, !carry else { throw cell.malformed("in the range of \(Self.self)") }
            value = sum
        }
        return value
    }
}

extension Int16: PostgresEncodable, PostgresDecodable {}
extension Int32: PostgresEncodable, PostgresDecodable {}
extension Int64: PostgresEncodable, PostgresDecodable {}
extension Int: PostgresEncodable, PostgresDecodable {}

extension PostgresEncodable where Self: BinaryFloatingPoint & LosslessStringConvertible {
    /// Appends the shortest digits that give the same number again; `nan` and `inf` are known to the server too.
    public func encode(into buffer: inout PostgresBuffer) throws {
        buffer.append(description)
    }

    /// False: digits need no quotes.
    public static var isQuotedInArrays: Bool { false }
}

extension PostgresDecodable where Self: BinaryFloatingPoint & LosslessStringConvertible {
    /// Reads a number, `NaN`, `Infinity` or `-Infinity`.
    public static func decode(_ cell: borrowing PostgresCell) throws -> Self {
        guard let value = Self(cell.text) else { throw cell.malformed("a number") }
        return value
    }
}

extension Double: PostgresEncodable, PostgresDecodable {}
extension Float: PostgresEncodable, PostgresDecodable {}

extension Bool: PostgresEncodable, PostgresDecodable {
    /// Appends `t` or `f`.
    public func encode(into buffer: inout PostgresBuffer) throws {
        buffer.append(UInt8(ascii: self ? "t" : "f"))
    }

    /// False: one letter needs no quotes.
    public static var isQuotedInArrays: Bool { false }

    /// Reads `t` or `f`.
    public static func decode(_ cell: borrowing PostgresCell) throws -> Bool {
        switch (cell.bytes.count, cell.bytes.first) {
        case (1, UInt8(ascii: "t")): true
        case (1, UInt8(ascii: "f")): false
        default: throw cell.malformed("a boolean")
        }
    }
}
