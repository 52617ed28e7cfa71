import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

/// The views are a promise to those who wrote queries: explained, and never other than they were.
struct ReportSchemaTests {
    @Test("Every view, column, function and type has a comment")
    func comments() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let missing = try await probe.reporting { db in
                try db.query(
                    """
                    SELECT c.oid::regclass || coalesce('.' || a.attname, '') FROM pg_class c
                    LEFT JOIN LATERAL (SELECT a.attname, a.attnum FROM pg_attribute a
                                       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                                       UNION ALL SELECT NULL, 0) a ON true
                    WHERE c.relnamespace = 'nightjar_report'::regnamespace AND c.relkind IN ('v', 'm', 'r', 'p')
                      AND CASE a.attnum WHEN 0 THEN obj_description(c.oid, 'pg_class') ELSE col_description(c.oid, a.attnum) END IS NULL
                    UNION ALL
                    SELECT p.oid::regprocedure::text FROM pg_proc p
                    WHERE p.pronamespace = 'nightjar_report'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL
                    UNION ALL
                    SELECT 'schema' WHERE obj_description('nightjar_report'::regnamespace, 'pg_namespace') IS NULL
                    """
                ).map { try $0.decode(0, as: String.self) }
            }
            #expect(missing == [])
        }
    }

    /// Where this fails for good reasons, columns were added at the end of a view: add them to the list. Nothing else may change.
    @Test("The views have the columns, types and order of the list in ReportSchema.txt")
    func stability() async throws {
        let promised = try Repository.text("Tests/NightjarTests/Reports/ReportSchema.txt")
            .split(separator: "\n").map(String.init)
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let found = try await probe.reporting { db in
                try db.query(
                    """
                    SELECT c.relname || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
                    WHERE c.relnamespace = 'nightjar_report'::regnamespace AND c.relkind = 'v'
                    ORDER BY c.relname COLLATE "C", a.attnum
                    """
                ).map { try $0.decode(0, as: String.self) }
            }
            #expect(found == promised)
        }
    }

    @Test("Every view reads with the rights of whoever asks, and so does what it reads")
    func invoker() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let others = try await probe.reporting { db in
                try db.query(
                    """
                    SELECT c.oid::regclass::text FROM pg_class c
                    WHERE c.relkind = 'v' AND (c.relnamespace = 'nightjar_report'::regnamespace OR c.oid = 'nightjar.invariants'::regclass)
                      AND NOT coalesce(c.reloptions @> '{security_invoker=true}', false)
                    """
                ).map { try $0.decode(0, as: String.self) }
            }
            #expect(others == [])
        }
    }

    @Test("No view calls a function that PostgreSQL would have to call for every row that a query leaves out")
    func laziness() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let volatile = try await probe.reporting { db in
                try db.query(
                    """
                    SELECT DISTINCT c.relname || ' ' || p.proname FROM pg_class c
                    CROSS JOIN LATERAL regexp_matches(pg_get_viewdef(c.oid), '([a-z_0-9]+)[(]', 'g') AS called
                    JOIN pg_proc p ON p.proname = called[1] AND p.provolatile = 'v'
                    WHERE c.relkind = 'v' AND c.relnamespace = 'nightjar_report'::regnamespace
                    """
                ).map { try $0.decode(0, as: String.self) }
            }
            #expect(volatile == [])
        }
    }

    @Test("Reading every view, to its end, takes locks that stop nobody but those who drop what is read")
    func locks() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let modes = try await probe.reporting { db in
                let views = try db.query(
                    """
                    SELECT c.oid::regclass::text FROM pg_class c
                    WHERE c.relkind = 'v' AND c.relnamespace = 'nightjar_report'::regnamespace
                    """
                ).map { try $0.decode(0, as: String.self) }
                #expect(views.count >= 19)
                for view in views { _ = try db.query("SELECT * FROM \(view)").count }
                return try db.query(
                    """
                    SELECT DISTINCT mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype <> 'virtualxid'
                    """
                ).map { try $0.decode(0, as: String.self) }
            }
            #expect(modes == ["AccessShareLock"])
        }
    }
}
