import Foundation
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

/// Ways out of a tenant: none leads there.
struct EscapeTests {
    @Test("Setting, resetting and changing the role or the session does not lead out of a tenant")
    func roles() async throws {
        try await TestDatabase.with { database in
            _ = try await SealTests.prepare(database)
            try await TestRole.with("nightjar_tenant", boundTo: "shop", in: database) { role in
                try await role.connected { db in
                    for change in [
                        "SET ROLE nightjar_tenant", "RESET ROLE", "SET ROLE NONE", "RESET ALL", "DISCARD ALL",
                        "SET SESSION AUTHORIZATION DEFAULT", "SET LOCAL nightjar.tenant = '3'",
                        "SET nightjar.tenant = '3'", "SET nightjar.worker = 'on'", "SET nightjar.signal = 'sent'",
                        "ALTER ROLE CURRENT_USER SET nightjar.tenant = '3'", "SET row_security = on",
                    ] {
                        _ = try await db.answer(change)
                        #expect(try await db.answer("SELECT nightjar.current_tenant()::text") == "2", "\(change)")
                        let seen = try await db.answer(
                            "SELECT string_agg(DISTINCT tenant_id::text, ',') FROM nightjar.events")
                        #expect(seen == "2", "\(change)")
                    }
                    for change in [
                        "SET ROLE nightjar_worker", "SET ROLE nightjar_admin", "SET ROLE nightjar_reporter",
                        "SET ROLE postgres",
                        "SET SESSION AUTHORIZATION postgres", "GRANT nightjar_worker TO CURRENT_USER",
                        "UPDATE nightjar.role_tenants SET tenant_id = 3", "DELETE FROM nightjar.role_tenants",
                        "INSERT INTO nightjar.role_tenants SELECT 'nightjar_tenant', 3",
                        "SELECT nightjar.bind_role(session_user::text, 'cafe')",
                        "ALTER TABLE nightjar.events DISABLE ROW LEVEL SECURITY",
                        "DROP POLICY tenant ON nightjar.events",
                        "CREATE OR REPLACE FUNCTION nightjar.current_tenant() RETURNS int LANGUAGE sql AS 'SELECT 3'",
                    ] {
                        let answer = try await db.answer(change)
                        #expect(answer.hasPrefix("42501"), "\(change): \(answer)")
                    }
                    // Row security off: an error, not everything.
                    try await db.script("SET row_security = off")
                    #expect(try await db.answer("SELECT count(*)::text FROM nightjar.events").hasPrefix("42501"))
                }
            }
        }
    }

    @Test("Who logs in as a member of a bound role, or sets one, acts for its tenant; of two tenants, for neither")
    func membership() async throws {
        try await TestDatabase.with { database in
            _ = try await SealTests.prepare(database)
            try await TestRole.with("nightjar_tenant", boundTo: "shop", in: database) { shop in
                try await TestRole.with("nightjar_tenant", boundTo: "cafe", in: database) { cafe in
                    try await TestRole.with(shop.name, in: database) { member in
                        try await member.connected { db in
                            try await db.script("SET nightjar.tenant = '3'")
                            #expect(try await db.answer("SELECT nightjar.current_tenant()::text") == "2")
                            try await db.script("SET ROLE nightjar_tenant")
                            #expect(try await db.answer("SELECT nightjar.current_tenant()::text") == "2")
                        }
                    }
                    // How a pooler's login is: it has no rights, and sets the role of whoever it speaks for.
                    try await TestRole.with(shop.name, cafe.name, options: "NOINHERIT", in: database) { login in
                        try await login.connected { db in
                            try await db.script("SET ROLE \(shop.name); SET nightjar.tenant = '3'")
                            #expect(
                                try await db.answer(
                                    "SELECT string_agg(DISTINCT tenant_id::text, ',') FROM nightjar.events") == "2")
                            #expect(try await db.answer("SELECT nightjar.send('a/b')").count == 36)
                            try await db.script("SET ROLE \(cafe.name); SET nightjar.tenant = '2'")
                            #expect(
                                try await db.answer("SELECT string_agg(name, ' ') FROM nightjar.events")
                                    == "test/post test/post")
                        }
                    }
                    try await TestRole.with(shop.name, cafe.name, in: database) { both in
                        try await both.connected { db in
                            #expect(try await db.answer("SELECT nightjar.current_tenant()").hasPrefix("42501"))
                            #expect(
                                try await db.answer("SELECT count(*)::text FROM nightjar.events").hasPrefix("42501"))
                            #expect(try await db.answer("SELECT nightjar.send('a/b')").hasPrefix("42501"))
                            // Bound in a session of its own, it stays so when it sets another's role.
                            try await both.bind(to: "shop")
                            try await db.script("SET ROLE \(cafe.name)")
                            #expect(try await db.answer("SELECT nightjar.current_tenant()::text") == "2")
                        }
                    }
                }
            }
        }
    }

    @Test("Operators, functions and tables of one's own stand in for none of ours")
    func searchPath() async throws {
        try await TestDatabase.with { database in
            let probe = try await SealTests.prepare(database)
            try await TestRole.with("nightjar_tenant", boundTo: "shop", in: database) { role in
                try await probe.script("GRANT CREATE ON DATABASE \(database.name) TO \(role.name)")
                try await role.connected { db in
                    try await db.script(
                        """
                        CREATE SCHEMA evil; CREATE SCHEMA "\(role.name)x";
                        CREATE FUNCTION evil.yes(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
                        CREATE FUNCTION evil.yes(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT true';
                        CREATE FUNCTION evil.yes(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT true';
                        CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.yes);
                        CREATE OPERATOR evil.= (LEFTARG = int, RIGHTARG = int, FUNCTION = evil.yes);
                        CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.yes);
                        CREATE FUNCTION evil.has_table_privilege(name, oid, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
                        CREATE FUNCTION evil.has_table_privilege(oid, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
                        CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql AS $$SELECT 'none'$$;
                        CREATE FUNCTION evil.current_tenant() RETURNS int LANGUAGE sql AS 'SELECT 3';
                        CREATE TABLE evil.role_tenants (role regrole, tenant_id int);
                        CREATE TEMPORARY TABLE live (run_id uuid); CREATE TEMPORARY TABLE role_tenants (role regrole, tenant_id int);
                        SET search_path = evil, pg_temp, nightjar, pg_catalog; SET nightjar.tenant = '3'
                        """)
                    #expect(try await db.answer("SELECT nightjar.current_tenant()::text") == "2")
                    #expect(try await db.answer("SELECT nightjar.bound_tenant()::text") == "2")
                    #expect(
                        try await db.answer(
                            "SELECT count(*)::text FROM nightjar.events WHERE tenant_id OPERATOR(pg_catalog.=) 3")
                            == "0")
                    #expect(try await db.answer("SELECT nightjar.cancel(gen_random_uuid())") == "unknown")
                    _ = try await db.answer("SELECT nightjar.send('a/evil')")
                    // A condition that sees rows before the policy does would tell of others'.
                    try await db.script(
                        """
                        CREATE FUNCTION evil.tell(v anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
                        $$ BEGIN IF v::text LIKE '%of cafe%' THEN RAISE EXCEPTION 'seen'; END IF; RETURN true; END $$
                        """)
                    #expect(
                        try await db.answer("SELECT count(*)::text FROM nightjar.steps WHERE evil.tell(output)") == "1")
                    #expect(
                        try await db.answer(
                            "SELECT count(*)::text FROM nightjar.run_status WHERE evil.tell(run_status)") == "2")
                    try await db.script("DROP SCHEMA evil CASCADE")
                }
                let tenant = try await probe.value(
                    "SELECT tenant_id FROM nightjar.events WHERE name = 'a/evil'", as: Int32.self)
                #expect(tenant == 2)
            }
        }
    }
}
