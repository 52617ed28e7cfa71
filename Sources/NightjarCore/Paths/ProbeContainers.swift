/// The members of an object that has whatever member it is asked for; see ``FieldPathProbe``.
struct ProbeKeyedContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: ProbeDecoder

    var codingPath: [any CodingKey] { decoder.codingPath }
    // What enumerates its keys, such as a dictionary, is empty.
    var allKeys: [Key] { [] }

    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) -> Bool { decoder.isDeep }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try decoder.at(key).decode(type)
    }
    func decode(_ type: Bool.Type, forKey key: Key) -> Bool { decoder.at(key).decode(type) }
    func decode(_ type: String.Type, forKey key: Key) -> String { decoder.at(key).decode(type) }
    func decode(_ type: Double.Type, forKey key: Key) -> Double { decoder.at(key).decode(type) }
    func decode(_ type: Float.Type, forKey key: Key) -> Float { decoder.at(key).decode(type) }
    func decode(_ type: Int.Type, forKey key: Key) -> Int { decoder.at(key).decode(type) }
    func decode(_ type: Int8.Type, forKey key: Key) -> Int8 { decoder.at(key).decode(type) }
    func decode(_ type: Int16.Type, forKey key: Key) -> Int16 { decoder.at(key).decode(type) }
    func decode(_ type: Int32.Type, forKey key: Key) -> Int32 { decoder.at(key).decode(type) }
    func decode(_ type: Int64.Type, forKey key: Key) -> Int64 { decoder.at(key).decode(type) }
    func decode(_ type: UInt.Type, forKey key: Key) -> UInt { decoder.at(key).decode(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) -> UInt8 { decoder.at(key).decode(type) }
    func decode(_ type: UInt16.Type, forKey key: Key) -> UInt16 { decoder.at(key).decode(type) }
    func decode(_ type: UInt32.Type, forKey key: Key) -> UInt32 { decoder.at(key).decode(type) }
    func decode(_ type: UInt64.Type, forKey key: Key) -> UInt64 { decoder.at(key).decode(type) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try decoder.at(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try decoder.at(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { decoder.at(ProbeKey("super")) }
    func superDecoder(forKey key: Key) throws -> any Decoder { decoder.at(key) }
}

/// An empty array; see ``FieldPathProbe``.
struct ProbeUnkeyedContainer: UnkeyedDecodingContainer {
    let decoder: ProbeDecoder

    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { 0 }
    var isAtEnd: Bool { true }
    var currentIndex: Int { 0 }

    func decodeNil() throws -> Bool { throw end }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { throw end }
    func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> { throw end }
    func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw end }
    func superDecoder() throws -> any Decoder { throw end }

    private var end: DecodingError {
        .dataCorrupted(DecodingError.Context(codingPath: codingPath, debugDescription: "expects array elements"))
    }
}
