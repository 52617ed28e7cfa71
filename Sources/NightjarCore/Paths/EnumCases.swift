/// Makes values of enums that do not list their cases.
enum EnumCases {
    /// Returns two cases of an enum with raw values, nil when the type is none or has only one.
    static func firstTwo<Value: RawRepresentable>(of type: Value.Type) -> (Value, Value)? {
        // An enum of one byte has its first cases at 0 and 1: without payloads by the tag, and with a payload that fits
        // the same byte by the payload's own cases. One case alone takes no byte at all.
        guard MemoryLayout<Value>.size == 1, _isPOD(type) else { return nil }
        let first = unsafeBitCast(0 as UInt8, to: type)
        // Asked of a value, because a type does not tell. Any byte is a valid value of other trivial types of one byte
        // but Bool, and 0 is valid there.
        guard Mirror(reflecting: first).displayStyle == .enum else { return nil }
        return (first, unsafeBitCast(1 as UInt8, to: type))
    }
}
