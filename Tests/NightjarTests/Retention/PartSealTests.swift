import NightjarTesting
import Testing

@testable import Nightjar

@Suite("Rights, and parts that are made later")
struct PartSealTests {
    @Test("parts that are made ahead are under row-level security from the start")
    func parts() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let made = try await probe.value("SELECT nightjar.make_partitions('20 weeks')", as: Int32.self)
            #expect(made > 0)
            let open = try await probe.value(
                "SELECT count(*) FROM pg_class WHERE relnamespace = 'nightjar'::regnamespace AND relispartition AND relkind = 'r' AND NOT relrowsecurity",
                as: Int64.self)
            #expect(open == 0)
            await probe.connection.close()
        }
    }

    @Test("what a migration adds to the list of rights counts from the next seal on")
    func rights() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.script(
                """
                CREATE FUNCTION nightjar.later_inner() RETURNS int LANGUAGE sql AS 'SELECT 1';
                CREATE FUNCTION nightjar.later_managing() RETURNS int LANGUAGE sql AS 'SELECT 1';
                INSERT INTO nightjar.rights VALUES ('inner', 'later_inner'), ('managing', 'later_managing');
                SELECT nightjar.seal()
                """)
            let callable = { (role: String, name: String) in
                try await probe.value(
                    "SELECT has_function_privilege($1, ('nightjar.' || $2 || '()')::regprocedure, 'EXECUTE')",
                    [role, name],
                    as: Bool.self)
            }
            #expect(try await !callable("nightjar_worker", "later_inner"))
            #expect(try await !callable("nightjar_admin", "later_inner"))
            #expect(try await !callable("nightjar_worker", "later_managing"))
            #expect(try await callable("nightjar_admin", "later_managing"))
            await probe.connection.close()
        }
    }
}
