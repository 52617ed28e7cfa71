/// Numbers as ECMAScript writes them (ECMA-262, Number::toString), which RFC 8785 wants.
enum ECMAScriptNumber {
    /// Writes a finite number.
    static func text(_ value: Double) -> String {
        if value == 0 { return "0" }
        // Swift's description has the same digits: the fewest that are read back as the same number.
        let (digits, point) = decimal("\(value.magnitude)")
        let sign = value < 0 ? "-" : ""
        let count = digits.count
        switch point {
        case count...21 where count <= point:
            return sign + digits + String(repeating: "0", count: point - count)
        case 1...21:
            return sign + digits.prefix(point) + "." + digits.dropFirst(point)
        case -5...0:
            return sign + "0." + String(repeating: "0", count: -point) + digits
        default:
            let exponent = point - 1
            let fraction = count > 1 ? "." + digits.dropFirst() : ""
            return "\(sign)\(digits.prefix(1))\(fraction)e\(exponent < 0 ? "-" : "+")\(exponent.magnitude)"
        }
    }

    /// The digits without zeros around them, and how many of them stand before the point.
    private static func decimal(_ text: String) -> (digits: String, point: Int) {
        let parts = text.split(separator: "e")
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        var digits = mantissa.joined()[...]
        var point = mantissa[0].count + exponent
        while digits.first == "0" {
            digits.removeFirst()
            point -= 1
        }
        while digits.last == "0" { digits.removeLast() }
        return (String(digits), point)
    }
}
