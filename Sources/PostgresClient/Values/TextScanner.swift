/// Walks over bytes of ASCII text.
struct TextScanner {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { position == bytes.count }

    /// Steps over a character if it comes next.
    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// Steps over a sign if one comes next: -1 or 1, or `nil` if there is none.
    mutating func sign() -> Int? {
        if skip("-") { return -1 }
        return skip("+") ? 1 : nil
    }

    /// Reads digits; `nil` when there are none or too many for an `Int`.
    mutating func number() -> Int? {
        let start = position
        var value = 0
        while position < bytes.count, case let digit = bytes[position] &- UInt8(ascii: "0"), digit < 10 {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow, product <= Int.max - 9 else { return nil }
            value = product + Int(digit)
            position += 1
        }
        return position > start ? value : nil
    }

    /// Reads letters; empty when there are none.
    mutating func word() -> String {
        let start = position
        while position < bytes.count, case let lower = bytes[position] | 0x20,
            lower >= UInt8(ascii: "a"), lower <= UInt8(ascii: "z")
        {
            position += 1
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// Reads `:minutes`, `:seconds` and a fraction after hours, as microseconds; missing parts are zero.
    mutating func microseconds(afterHours hours: Int) -> Int? {
        var seconds = 0
        for unit in [60, 1] where skip(":") {
            guard let part = number(), part < 61 else { return nil }
            seconds += part * unit
        }
        var fraction = 0
        if skip(".") {
            let start = position
            guard let digits = number(), position - start <= 6 else { return nil }
            fraction = digits
            for _ in 0..<(6 - (position - start)) { fraction *= 10 }
        }
        let (hourSeconds, overflow) = hours.multipliedReportingOverflow(by: 3600)
        guard !overflow, hourSeconds < Int.max / 2_000_000 else { return nil }
        return (hourSeconds + seconds) * 1_000_000 + fraction
    }
}
