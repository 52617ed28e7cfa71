/// Makes values of enums that do not list their cases.
enum EnumCases {
    /// Returns the first two cases of an enum with raw values, twice the only one if there are no more, and nil when the
    /// type is no such enum.
    static func firstTwo<Value: RawRepresentable>(of type: Value.Type) -> (Value, Value)? {
        guard _isPOD(type) else { return nil }
        // Whether a type is an enum can be asked of its values only.
        func isEnum(_ value: Value) -> Bool { Mirror(reflecting: value).displayStyle == .enum }
        switch MemoryLayout<Value>.size {
        case 0:
            // Types without a byte have one value, which has no bits that could be wrong.
            let only = unsafeBitCast((), to: type)
            return isEnum(only) ? (only, only) : nil
        case 1:
            // An enum of one byte has its first cases at 0 and 1: without payloads by the tag, and with a payload that
            // fits the same byte by the payload's own values. Of other trivial types of one byte 0 is valid as well.
            let first = unsafeBitCast(0 as UInt8, to: type)
            return isEnum(first) ? (first, unsafeBitCast(1 as UInt8, to: type)) : nil
        default:
            return nil
        }
    }
}
