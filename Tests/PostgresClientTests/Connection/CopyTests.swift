import PostgresClient
import Testing

@Suite("COPY")
struct CopyTests {
    @Test("what is copied out is copied in again, also when it is none and when it is large")
    func roundTrip() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                let none = try db.copyOut("copy t to stdout")
                #expect(none.isEmpty)
                try db.execute("insert into t select i, repeat('ä\t\\' || i, 100) from generate_series(1, 10000) i")
                let sum = "select sum(hashtext(id || note))::text from t"
                let before = try db.query(sum)[0].decode(0, as: String.self)
                let rows = try db.copyOut("copy t to stdout")
                #expect(rows.count > 1 << 20)
                try db.execute("delete from t")
                let count = try db.copyIn("copy t from stdin", rows)
                #expect(count == 10_000)
                let after = try db.query(sum)[0].decode(0, as: String.self)
                #expect(after == before)
            }
        }
    }

    @Test("an error on either side leaves the connection usable")
    func failures() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                let unknown = postgresError { try db.copyOut("copy nothing to stdout") }
                #expect(unknown?.sqlState == .undefinedTable)
                let malformed = postgresError { try db.copyIn("copy t from stdin", Array("no number\n".utf8)) }
                #expect(malformed?.code == .server)
                #expect(try db.value("select count(*) from t") == 0)
            }
        }
    }
}
