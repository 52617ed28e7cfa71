import Foundation

/// A decoder that makes up every value; see ``FieldPathProbe``.
struct ProbeDecoder: Decoder {
    let leaves: ProbeLeaves
    let path: [String]
    /// The path whose value is to differ from the usual one.
    let flipped: [String]?

    var codingPath: [any CodingKey] { path.map { ProbeKey($0) } }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// Types may contain themselves; beyond this depth everything that may be missing is.
    var isDeep: Bool { path.count > 12 }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(ProbeKeyedContainer(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { ProbeUnkeyedContainer(decoder: self) }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

    func at(_ key: some CodingKey) -> ProbeDecoder {
        ProbeDecoder(leaves: leaves, path: path + [key.stringValue], flipped: flipped)
    }

    private func leaf<Value>(_ usual: Value, _ other: Value) -> Value {
        leaves.note(path)
        return flipped == path ? other : usual
    }

    private func number<Number: Numeric>(_ type: Number.Type) -> Number { leaf(0, 1) }

    private func known<Value>(_ type: Value.Type) -> Any? {
        switch type {
        case is UUID.Type: leaf(UUID(uuid: Self.zero), UUID(uuid: Self.one))
        case is Date.Type: leaf(Date(timeIntervalSince1970: 0), Date(timeIntervalSince1970: 1))
        case is Data.Type: leaf(Data(), Data([1]))
        case is Decimal.Type: leaf(Decimal(0), Decimal(1))
        case is URL.Type: URL(string: "a:0").flatMap { usual in URL(string: "a:1").map { leaf(usual, $0) } }
        default: nil
        }
    }

    private static let zero: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    private static let one: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)

    private func firstAndLast<Cases: CaseIterable>(_ type: Cases.Type) -> Any? {
        let all = Array(type.allCases)
        guard let first = all.first, let last = all.last else { return nil }
        return leaf(first, last)
    }
}

extension ProbeDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool { isDeep }
    func decode(_ type: Bool.Type) -> Bool { leaf(false, true) }
    func decode(_ type: String.Type) -> String { leaf("0", "1") }
    func decode(_ type: Double.Type) -> Double { number(type) }
    func decode(_ type: Float.Type) -> Float { number(type) }
    func decode(_ type: Int.Type) -> Int { number(type) }
    func decode(_ type: Int8.Type) -> Int8 { number(type) }
    func decode(_ type: Int16.Type) -> Int16 { number(type) }
    func decode(_ type: Int32.Type) -> Int32 { number(type) }
    func decode(_ type: Int64.Type) -> Int64 { number(type) }
    func decode(_ type: UInt.Type) -> UInt { number(type) }
    func decode(_ type: UInt8.Type) -> UInt8 { number(type) }
    func decode(_ type: UInt16.Type) -> UInt16 { number(type) }
    func decode(_ type: UInt32.Type) -> UInt32 { number(type) }
    func decode(_ type: UInt64.Type) -> UInt64 { number(type) }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if let value = known(type) as? Value { return value }
        if let cases = type as? any CaseIterable.Type, let value = firstAndLast(cases) as? Value { return value }
        if let raw = type as? any RawRepresentable.Type,
            let (usual, other) = EnumCases.firstTwo(of: raw) as? (Value, Value)
        {
            return leaf(usual, other)
        }
        return try Value(from: self)
    }
}

struct ProbeKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ text: String) { stringValue = text }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
