import LocalPostgres
import Logging
import PostgresClient
import Testing

@Test("smoke")
func smoke() async throws {
    let logger = Logger(label: "test")
    let server = try await LocalPostgres.throwAway(logger: logger)
    let pool = PostgresPool(server.configuration(), logger: logger)
    let n = try await pool.withConnection { db in
        try db.query("select $1::int + 1", [41]).first!.decode(0, as: Int.self)
    }
    #expect(n == 42)
    let (a, b) = try await pool.transaction { db in
        try db.execute("create table t (x int primary key, d jsonb)")
        return try db.batch(
            PostgresStatement("insert into t select unnest($1::int[])", [[1, 2, 3]]),
            PostgresStatement("select sum(x) from t") { try $0.first!.decode(0, as: Int.self) })
    }
    #expect(a == 3)
    #expect(b == 6)
    await pool.close()
    try await server.stop()
}
