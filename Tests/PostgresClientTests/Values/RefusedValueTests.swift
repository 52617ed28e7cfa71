import Foundation
import Testing

@testable import PostgresClient

@Suite("Values that are refused")
struct RefusedValueTests {
    @Test("a NUL character is refused before sending, wherever it hides")
    func embeddedNUL() async throws {
        let hidden: [any PostgresEncodable] = [
            "a\0b", ["a", "b\0"], ["a", nil, "\0"] as [String?], PostgresJSON("{\"a\":\"\0\"}"), Optional("\0"),
        ]
        try await withSession { session in
            for value in hidden {
                let error = await postgresError {
                    try await session.run { db in try db.execute("select $1::int, $2", [1, value]) }
                }
                #expect(error?.code == .encoding)
                #expect(error?.message.contains("$2") == true)
                #expect(error?.message.contains("NUL") == true)
            }
            let one = try await session.run { db in try db.value("select 1", as: Int.self) }
            #expect(one == 1)
        }
    }

    @Test("a NUL character in a statement is refused")
    func statementWithNUL() async throws {
        try await withSession { session in
            try await session.run { db throws in
                expectEqual(postgresError { try db.query("select 1 \0 + 1") }?.code, .encoding)
                expectEqual(postgresError { try db.script("select 1; \0 drop table x") }?.code, .encoding)
                expectEqual(postgresError { try db.batch([PostgresStatement("select 1\0")]) }?.code, .encoding)
            }
        }
    }

    @Test("NULL for a type without it names the column")
    func unexpectedNULL() async throws {
        let error = await postgresError {
            try await withSession {
                try await $0.run { try $0.query("select null::int as total").first!.decode("total", as: Int.self) }
            }
        }
        #expect(error?.code == .decoding)
        #expect(error?.message.contains("\"total\" of type integer cannot be read as Int: it is NULL") == true)
    }

    @Test("a missing column is named, with those that exist")
    func missingColumn() async throws {
        try await withSession { session in
            try await session.run { db throws in
                let row = try #require(try db.query("select 1 as a, 2 as b").first)
                let error = postgresError { try row.decode("c", as: Int.self) }
                #expect(error?.message.contains("\"c\"") == true)
                #expect(error?.message.contains("a, b") == true)
                expectEqual(postgresError { try row.decode(2, as: Int.self) }?.code, .decoding)
                expectEqual(postgresError { try row.decode(-1, as: Int.self) }?.code, .decoding)
            }
        }
    }

    @Test("texts that are not what the type expects")
    func malformed() async throws {
        try await withSession { session in
            try await session.run { db throws in
                func fails<T: PostgresDecodable>(_ sql: String, _ type: T.Type) -> Bool {
                    postgresError { try db.value("select \(sql)", as: type) }?.code == .decoding
                }
                #expect(fails("40000", Int16.self))
                #expect(fails("-32769", Int16.self))
                #expect(fails("9223372036854775808", Int.self))
                #expect(fails("1.5", Int.self))
                #expect(fails("''", Int.self))
                #expect(fails("'-'", Int.self))
                #expect(fails("'x'", Double.self))
                #expect(fails("1", Bool.self))
                #expect(fails("'x'", UUID.self))
                #expect(fails("'ab'", Data.self))
                #expect(fails("'\\x4'", Data.self))
                #expect(fails("'\\x4g'", [UInt8].self))
                #expect(fails("array[[1,2],[3,4]]", [Int].self))
                #expect(fails("array[1,null]", [Int].self))
                #expect(fails("5", [Int].self))
                #expect(fails("'2024-13-01'::text", Date.self))
                #expect(fails("'99999999999999999999 days'::text", Duration.self))
            }
        }
    }

    @Test("an array of arrays is refused in both directions")
    func nestedArrays() async throws {
        let error = await postgresError {
            try await withSession { try await $0.run { try $0.execute("select $1", [[[1], [2]]]) } }
        }
        #expect(error?.code == .encoding)
    }

    @Test("arrays with a lower bound are read")
    func lowerBound() async throws {
        let back = try await withSession {
            try await $0.run { try $0.value("select '[0:1]={7,8}'::int[]", as: [Int].self) }
        }

        #expect(back == [7, 8])
    }

    @Test(
        "texts that are no arrays",
        arguments: [
            "", "{", "}", "{1", "1}", "{1,}", "{,1}", "{\"a}", "{\"a\"b}", "{a\"b}", "{1}x", "{\\", "{\"\\", "[0:1]",
        ])
    func malformedArrays(text: String) {
        var copy = text
        let error = postgresError {
            try copy.withUTF8 { try String.decodeArray(PostgresCell(bytes: $0)) }
        }
        #expect(error?.code == .decoding)
    }

    @Test("more parameters than the protocol can count are refused")
    func tooManyParameters() async throws {
        let many = Array(repeating: 1, count: 70_000)
        let error = await postgresError {
            try await withSession { try await $0.run { try $0.execute("select 1", many) } }
        }
        #expect(error?.code == .encoding)
        #expect(error?.hint?.contains("unnest") == true)
    }
}
