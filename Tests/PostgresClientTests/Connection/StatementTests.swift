import Testing

@testable import PostgresClient

private func preparedCount(_ db: PostgresConnection) throws -> Int {
    try db.script("select 1")
    return try db.value("select count(*) from pg_prepared_statements")
}

@Suite("Statements")
struct StatementTests {
    @Test("rows, columns and counts")
    func rows() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                #expect(try db.execute("insert into t select x, 'n' || x from generate_series(1, 5) as x") == 5)
                let rows = try db.query("select id, note from t order by id")
                #expect(rows.count == 5)
                #expect(rows.columns == ["id", "note"])
                try expectEqual(rows.map { try $0.decode("note", as: String.self) }, ["n1", "n2", "n3", "n4", "n5"])
                #expect(try rows[4].decode(0) == 5)
                #expect(try db.query("select from t where false").isEmpty)
                #expect(try db.query("select from t where false").first == nil)
                #expect(try db.execute("update t set note = null where id > $1", [3]) == 2)
                #expect(try db.execute("delete from t") == 5)
                #expect(try db.execute("create temporary table u ()") == 0)
            }
        }
    }

    @Test("a statement is prepared once")
    func preparedOnce() async throws {
        try await withSession { session in
            try await session.run { db throws in
                let before = try preparedCount(db)
                for number in 0..<10 { #expect(try db.value("select $1::int * 2", [number]) == number * 2) }
                #expect(try preparedCount(db) == before + 1)
            }
        }
    }

    @Test("the least recently used statements make room, here and on the server")
    func eviction() async throws {
        try await withSession { session in
            try await session.run { db throws in
                for number in 0..<400 {
                    try db.query("select \(number)")
                    try db.query("select 'often'")
                }
                let names: [String] = try db.query("select statement from pg_prepared_statements").map {
                    try $0.decode(0)
                }
                #expect(names.count <= db.statements.capacity + 2)
                #expect(names.contains("select 'often'"))
                #expect(!names.contains("select 0"))
                #expect(names.contains("select 399"))
            }
        }
    }

    @Test("a plan that no longer fits is made anew")
    func changedTable() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                #expect(try db.query("select * from t").columns == ["id", "note"])
                try db.script("alter table t add column more int")
                #expect(try db.query("select * from t").columns == ["id", "note", "more"])
                try db.script("alter table t drop column note")
                let columns = try db.batch([PostgresStatement("select * from t") { $0.columns }])
                #expect(columns == [["id", "more"]])
            }
        }
    }

    @Test("statements that the server has forgotten are prepared again")
    func forgottenStatements() async throws {
        try await withSession { session in
            try await session.run { db throws in
                #expect(try db.value("select 1") == 1)
                try db.script("discard all")
                #expect(try db.value("select 1") == 1)
                try db.script("discard all")
                try expectEqual(db.batch([PostgresStatement("select 1") { $0.count }]), [1])
            }
        }
    }

    @Test("inside a transaction a stale plan fails, but only once")
    func staleInTransaction() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                try db.query("select * from t")
                try db.script("alter table t add column more int")
                let error = postgresError { try db.transaction { _ = try $0.query("select * from t") } }
                #expect(error?.sqlState == .featureNotSupported)
                try expectEqual(db.transaction { try $0.query("select * from t").columns.count }, 3)
            }
        }
    }

    @Test("a script stops at the first failure, with nothing kept")
    func script() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                let error = postgresError {
                    try db.script("insert into t values (1); insert into t values (1); insert into t values (2)")
                }
                #expect(error?.sqlState == .uniqueViolation)
                #expect(try db.value("select count(*) from t") == 0)
                try db.script("insert into t values (1); insert into t values (2);")
                #expect(try db.value("select count(*) from t") == 2)
                try db.script("")
            }
        }
    }

    @Test("the cache forgets what was used longest ago")
    func cacheOrder() {
        var cache = StatementCache(capacity: 2)
        expectEqual(cache.insert("a", name: "1"), nil)
        expectEqual(cache.insert("b", name: "2"), nil)
        expectEqual(cache.name(for: "a"), "1")
        expectEqual(cache.insert("c", name: "3"), "2")
        expectEqual(cache.name(for: "b"), nil)
        expectEqual(cache.remove("a"), "1")
        #expect(cache.count == 1)
    }
}
