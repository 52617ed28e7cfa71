/// `interval`, to the microsecond; a day counts 24 hours.
extension Duration: PostgresEncodable, PostgresDecodable {
    /// Appends hours, minutes and seconds, rounded to the microsecond.
    public func encode(into buffer: inout PostgresBuffer) throws {
        let (seconds, attoseconds) = components
        let roundedFraction = (Double(attoseconds) / 1e12).rounded()
        var wholeSeconds = seconds.magnitude
        var fraction = Int(roundedFraction.magnitude)
        if fraction >= 1_000_000 {
            fraction -= 1_000_000
            wholeSeconds += 1
        }
        if seconds < 0 || attoseconds < 0 { buffer.append(UInt8(ascii: "-")) }
        buffer.append(String(wholeSeconds / 3600))
        buffer.append(UInt8(ascii: ":"))
        buffer.append(Int(wholeSeconds / 60 % 60), width: 2)
        buffer.append(UInt8(ascii: ":"))
        buffer.append(Int(wholeSeconds % 60), width: 2)
        buffer.append(UInt8(ascii: "."))
        buffer.append(fraction, width: 6)
    }

    /// Reads an interval; refuses months and years, which have no fixed length.
    public static func decode(_ cell: borrowing PostgresCell) throws -> Duration {
        var scanner = TextScanner(cell.bytes)
        var total = Duration.zero
        repeat {
            let sign = scanner.sign() ?? 1
            guard let number = scanner.number(), number < 1 << 40 else { throw cell.malformed("an interval") }
            if scanner.skip(" ") {
                switch scanner.word() {
                case "day", "days": total += .seconds(86_400) * (sign * number)
                case "mon", "mons", "year", "years":
                    throw cell.malformed("an interval of fixed length (it has months or years)")
                default: throw cell.malformed("an interval")
                }
            } else {
                guard let time = scanner.microseconds(afterHours: number) else { throw cell.malformed("an interval") }
                total += .microseconds(sign * time)
            }
        } while scanner.skip(" ")
        guard scanner.isAtEnd else { throw cell.malformed("an interval") }
        return total
    }
}
