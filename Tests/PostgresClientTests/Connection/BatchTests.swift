import PostgresClient
import Testing

@Suite("Batches")
struct BatchTests {
    @Test("results of different types come back in order")
    func typed() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                let (inserted, notes, sum) = try db.batch(
                    PostgresStatement("insert into t values ($1, 'a'), ($2, 'b')", [1, 2]),
                    PostgresStatement("select note from t order by id") {
                        try $0.map { try $0.decode(0, as: String.self) }
                    },
                    PostgresStatement("select sum(id) from t") { try $0[0].decode(0, as: Int.self) })
                #expect(inserted == 2)
                #expect(notes == ["a", "b"])
                #expect(sum == 3)
            }
        }
    }

    @Test("the first statement that fails is reported, and nothing of the batch is kept")
    func failure() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                let error = postgresError {
                    try db.batch([1, 2, 2, 3, 3].map { PostgresStatement("insert into t values ($1)", [$0]) })
                }
                #expect(error?.sqlState == .uniqueViolation)
                #expect(error?.statementIndex == 2)
                #expect(error?.detail?.contains("(2)") == true)
                #expect(try db.value("select count(*) from t") == 0)
                #expect(try db.batch([PostgresStatement("insert into t values ($1)", [9])]) == [1])
            }
        }
    }

    @Test("a statement that cannot be prepared is reported, and works once it can")
    func failureOfPreparing() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                let statements = ["select 10", "select * from later", "select 11"].map { PostgresStatement($0) }
                let error = postgresError { try db.batch(statements) }
                #expect(error?.sqlState == .undefinedTable)
                #expect(error?.statementIndex == 1)
                try db.script("create temporary table later ()")
                #expect(try db.batch(statements) == [1, 0, 1])
                #expect(try db.query("select 11").count == 1)
            }
        }
    }

    @Test("inside a transaction a batch is part of it")
    func insideTransaction() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                try db.transaction { db in
                    try db.execute("insert into t values (1)")
                    let error = postgresError {
                        try db.transaction { db in
                            try db.batch([2, 1].map { PostgresStatement("insert into t values ($1)", [$0]) })
                        }
                    }
                    #expect(error?.statementIndex == 1)
                    try db.batch([3, 4].map { PostgresStatement("insert into t values ($1)", [$0]) })
                }
                try expectEqual(
                    db.query("select id from t order by id").map { try $0.decode(0, as: Int.self) }, [1, 3, 4])
            }
        }
    }

    @Test("a constraint that is checked at the end of the batch fails it")
    func deferredConstraint() async throws {
        try await withSession { session in
            try await session.run { db throws in
                try db.script("create temporary table d (id int unique deferrable initially deferred)")
                let error = postgresError {
                    try db.batch([1, 1].map { PostgresStatement("insert into d values ($1)", [$0]) })
                }
                #expect(error?.sqlState == .uniqueViolation)
                #expect(try db.value("select count(*) from d") == 0)
            }
        }
    }

    @Test("a value that cannot be sent keeps the whole batch from being sent")
    func encodingFailure() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                let error = postgresError {
                    try db.batch(["a", "b\0", "c"].map { PostgresStatement("insert into t values (1, $1)", [$0]) })
                }
                #expect(error?.code == .encoding)
                #expect(error?.statementIndex == 1)
                #expect(try db.value("select count(*) from t") == 0)
            }
        }
    }

    @Test("an error of decoding comes after the statements took effect")
    func decodingFailure() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                let error = postgresError {
                    try db.batch(
                        PostgresStatement("insert into t values (1)"),
                        PostgresStatement("select 'x'") { try $0[0].decode(0, as: Int.self) })
                }
                #expect(error?.code == .decoding)
                #expect(try db.value("select count(*) from t") == 1)
            }
        }
    }

    @Test("more data than both sides can buffer passes in both directions")
    func large() async throws {
        let text = String(repeating: "x", count: 10_000)
        try await withSession { session in
            try await session.run { db throws in
                let lengths = try db.batch(
                    (0..<1500).map { number in
                        PostgresStatement("select $1::int, $2", [number, text]) { rows in
                            #expect(try rows[0].decode(0) == number)
                            return try rows[0].decode(1, as: String.self).utf8.count
                        }
                    })
                #expect(lengths.count == 1500)
                expectEqual(lengths.allSatisfy { $0 == 10_000 }, true)
            }
        }
    }

    @Test("a failure far down a long batch undoes all of it")
    func longFailure() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                var ids = Array(0..<1000)
                ids[777] = 5
                let error = postgresError {
                    try db.batch(ids.map { PostgresStatement("insert into t values ($1)", [$0]) })
                }
                #expect(error?.statementIndex == 777)
                #expect(try db.value("select count(*) from t") == 0)
                #expect(try db.batch([PostgresStatement<Int>]()) == [])
            }
        }
    }

    @Test("COPY in a batch costs the connection, not more")
    func copy() async throws {
        try await withSession { session in
            let error = await postgresError {
                try await session.run { db in try db.batch([PostgresStatement("copy pg_class to stdout")]) }
            }
            #expect(error?.code == .usage)
            let one = try await session.run { try $0.value("select 1", as: Int.self) }
            #expect(one == 1)
        }
    }

    @Test("what follows a statement is a transaction of its own: it sees the commit, and undoes nothing")
    func afterwards() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                let copy = "insert into t select id + 10, note from t where id < 10"
                #expect(try db.execute("insert into t values ($1, 'a')", [1], afterwards: copy) == 1)
                #expect(try db.value("select count(*) from t") == 2)
                // The copy's key is there already.
                #expect(try db.execute("insert into t values ($1, 'b')", [2], afterwards: copy) == 1)
                #expect(try db.value("select count(*) from t") == 3)
                let error = postgresError {
                    try db.execute("insert into t values ($1, 'b')", [2], afterwards: "delete from t where id = 11")
                }
                #expect(error?.sqlState == .uniqueViolation)
                #expect(try db.value("select count(*) from t") == 2)
                #expect(try db.execute("delete from t where id = $1", [1], afterwards: "select nonsense") == 1)
                #expect(try db.value("select count(*) from t") == 1)
                let usage = postgresError {
                    try db.transaction { db in try db.execute("delete from t", afterwards: "select 1") }
                }
                #expect(usage?.code == .usage)
                #expect(try db.value("select count(*) from t") == 1)
            }
        }
    }

    @Test("a deferred constraint that fails at the commit is the statement's failure, whatever follows")
    func afterwardsDeferred() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                try db.script("alter table t add constraint once unique (note) deferrable initially deferred")
                let error = postgresError {
                    try db.execute("insert into t values ($1, 'a'), (2, 'a')", [1], afterwards: "select 1")
                }
                #expect(error?.sqlState == .uniqueViolation)
                #expect(try db.value("select count(*) from t") == 0)
            }
        }
    }
}
