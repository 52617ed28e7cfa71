import Foundation
import PostgresClient
import Testing

/// Values of a type, which must come back from the server alone and in arrays, with and without NULL between them.
private func roundTrip<T: PostgresEncodable & PostgresDecodable & Equatable>(
    _ values: [T], _ type: String, sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    try await withSession { session in
        try await session.run { db throws in
            for value in values {
                let back: T = try db.value("select $1::\(type)", [value])
                #expect(back == value, sourceLocation: sourceLocation)
            }
            let optionals = values.flatMap { [$0, nil] }
            let row = try #require(
                try db.query(
                    "select $1::\(type)[] as all, $2::\(type)[] as some, $3::\(type)[] as none, $4::\(type) as null",
                    [values, optionals, [T](), T?.none]
                ).first)
            #expect(try row.decode("all") == values, sourceLocation: sourceLocation)
            #expect(try row.decode("some") == optionals, sourceLocation: sourceLocation)
            #expect(try row.decode("none") == [T](), sourceLocation: sourceLocation)
            #expect(try row.decode("null") == T?.none, sourceLocation: sourceLocation)
        }
    }
}

@Suite("Values come back as they were sent")
struct RoundTripTests {
    @Test("integers")
    func integers() async throws {
        try await roundTrip([Int16.min, -1, 0, 1, .max], "smallint")
        try await roundTrip([Int32.min, -1, 0, 1, .max], "integer")
        try await roundTrip([Int64.min, -1, 0, 1, .max], "bigint")
        try await roundTrip([Int.min, -1, 0, 1, .max], "bigint")
    }

    @Test("floating point, with the values that are no numbers")
    func floatingPoint() async throws {
        try await roundTrip(
            [0, -0.0, 0.1, 1e-7, .pi, .leastNonzeroMagnitude, .greatestFiniteMagnitude, .infinity, -.infinity], "float8"
        )
        try await roundTrip([Float.pi, 1e-7, .infinity, .leastNonzeroMagnitude], "float4")
        try await withSession { session in
            try await session.run { db throws in
                #expect(try db.value("select $1::float8", [Double.nan], as: Double.self).isNaN)
                #expect(try db.value("select $1::float8", [-0.0], as: Double.self).sign == .minus)
            }
        }
    }

    @Test("booleans and UUIDs")
    func small() async throws {
        try await roundTrip([true, false], "boolean")
        try await roundTrip([UUID(), UUID(uuid: (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255))], "uuid")
    }

    @Test("text with everything that has a meaning somewhere")
    func text() async throws {
        try await roundTrip(
            [
                "", " ", "NULL", "null", "{}", "{a,b}", "a,b", "\"", "\\", "\\\"", "'", "''", "$1", "a\nb\tc\r", "ü€𝄞",
                "👩‍👩‍👧‍👦", "e\u{301}", "\u{1}\u{7f}", "\\x41", String(repeating: "\"\\", count: 5000),
            ], "text")
    }

    @Test("binary data")
    func binary() async throws {
        let everything = [UInt8](0...255)
        try await roundTrip([Data(), Data([0]), Data(everything), Data("\\x41".utf8)], "bytea")
        try await roundTrip([[], [0], everything] as [[UInt8]], "bytea")
    }

    @Test("JSON, as text")
    func json() async throws {
        let documents = ["{}", "[]", "null", "\"\\\"\\\\\\n\"", "{\"a\": [1, \"ü\", null]}", "12345678901234567890"]
        try await roundTrip(documents.map { PostgresJSON($0) }, "jsonb")
        try await roundTrip([PostgresJSON("{\"b\":1,   \"a\":2}"), .null], "json")
    }

    @Test("dates, to the microsecond")
    func dates() async throws {
        let times: [TimeInterval] = [
            0, -1, 0.000001, -0.000001, 0.999999, 86_399.5, 785_000_000.123456, -978_307_200, -12_219_292_800,
        ]
        try await roundTrip(times.map(Date.init(timeIntervalSinceReferenceDate:)), "timestamptz")
        try await roundTrip([.distantFuture, Date(timeIntervalSince1970: 8_000_000_000_000)], "timestamptz")
    }

    @Test("durations, to the microsecond")
    func durations() async throws {
        try await roundTrip(
            [
                .zero, .seconds(1), .microseconds(1), .microseconds(-1), .seconds(-1.5), .seconds(86_400 * 400 + 1),
                .seconds(-86_400 * 400) + .microseconds(7), .microseconds(59_999_999),
            ], "interval")
    }

    @Test("enumerations by their raw values")
    func enumerations() async throws {
        try await roundTrip([Colour.red, .green], "text")
        let error = await postgresError {
            try await withSession { try await $0.run { try $0.value("select 'blue' as c", as: Colour.self) } }
        }
        #expect(error?.code == .decoding)
        #expect(error?.message.contains("\"c\"") == true)
    }

    @Test("a long array of strings")
    func longArray() async throws {
        let strings = (0..<50_000).map { "string \($0) \"quoted\"" }
        try await withSession { session in
            try await session.run { db throws in
                #expect(try db.value("select $1::text[]", [strings]) == strings)
            }
        }
    }

    private enum Colour: String, PostgresEncodable, PostgresDecodable {
        case red, green
    }
}
