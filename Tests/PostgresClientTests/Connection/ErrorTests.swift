import PostgresClient
import Testing

@Suite("Errors of the server")
struct ErrorTests {
    @Test("a violated constraint comes with all its names")
    func uniqueViolation() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                try db.execute("insert into t values ($1, 'x')", [7])
                let error = try required(postgresError { try db.execute("insert into t values ($1, 'y')", [7]) })

                #expect(error.code == .server)
                #expect(error.sqlState == .uniqueViolation)
                #expect(error.constraint == "t_key")
                #expect(error.table == "t")
                #expect(error.schema?.hasPrefix("pg_temp") == true)
                #expect(error.detail == "Key (id)=(7) already exists.")
                #expect(!error.isRetryable)
                #expect(!error.isConnectionLoss)
                #expect("\(error)".contains("23505"))
                let missing = postgresError { try db.execute("insert into t values (null)") }
                #expect(missing?.column == "id", "\(String(describing: missing))")
            }
        }
    }

    @Test("a mistake in a statement comes with its position and the hint")
    func syntaxError() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                expectEqual(postgresError { try db.query("select +") }?.sqlState, .syntaxError)
                let error = try required(postgresError { try db.query("select ids from t") })
                #expect(error.position == 8)
                #expect(error.hint?.contains("t.id") == true)
            }
        }
    }

    @Test("an exception in a function comes with the place it was raised at")
    func context() async throws {
        try await withSession { session in
            let error = await postgresError {
                try await session.run { db in
                    try db.script("do $$ begin raise 'broken' using errcode = 'XX123'; end $$")
                }
            }
            #expect(error?.message == "broken")
            #expect(error?.sqlState == SQLState(rawValue: "XX123"))
            #expect(error?.context?.contains("line 1") == true)
        }
    }

    @Test(
        "what may succeed when tried again is known",
        arguments: [
            ("40001", true), ("40P01", true), ("55P03", true), ("57P01", true), ("57P02", true), ("57P03", true),
            ("08006", true), ("53300", true), ("25006", true), ("57014", false), ("23505", false), ("42601", false),
        ])
    func retryable(state: String, expected: Bool) {
        let error = PostgresError(.server, "x", sqlState: SQLState(rawValue: state))

        #expect(error.isRetryable == expected)
    }

    @Test("a lost connection may be tried again, a lost commit not")
    func retryableLoss() {
        #expect(PostgresError(.connectionLost, "x").isRetryable)
        #expect(PostgresError(.connectionFailed, "x").isRetryable)
        #expect(!PostgresError(.connectionFailed, "x", sqlState: SQLState(rawValue: "28P01")).isRetryable)
        #expect(!PostgresError(.commitOutcomeUnknown, "x").isRetryable)
        #expect(PostgresError(.commitOutcomeUnknown, "x").isConnectionLoss)
        #expect(!PostgresError(.decoding, "x").isRetryable)
    }

    @Test("COPY is refused and the connection stays usable", arguments: ["copy t to stdout", "copy t from stdin"])
    func copy(sql: String) async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                try db.execute("insert into t select generate_series(1, 5000)")
                expectEqual(postgresError { try db.script(sql) }?.code, .usage)
                expectEqual(postgresError { try db.query(sql) }?.code, .usage)
                #expect(try db.value("select count(*) from t") == 5000)
            }
        }
    }

    @Test("notices are handed over")
    func notices() async throws {
        try await withSession { session in
            try await session.run { db throws in
                final class Box { var notices: [PostgresNotice] = [] }
                let box = Box()
                db.onNotice = { box.notices.append($0) }
                try db.script("do $$ begin raise warning 'careful'; end $$")
                #expect(box.notices.map(\.message) == ["careful"])
                #expect(box.notices.map(\.severity) == ["WARNING"])
            }
        }
    }
}
