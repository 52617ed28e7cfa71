import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

/// Who is near a limit, in the view and by the command.
struct QuotaReportTests {
    @Test("Each tenant's use beside its limits; whoever is bound sees his own; the nearest to a limit comes first")
    func quotas() async throws {
        try await TestDatabase.with { database in
            let probe = try await SealTests.prepare(database)
            try await probe.script(
                """
                SELECT nightjar.set_tenant('shop', '{"max_live_runs": 10, "max_events_per_second": 1}');
                SELECT nightjar.set_tenant('cafe', '{"max_live_runs": 1}');
                SELECT nightjar.create_tenant('gone'); SELECT nightjar.create_tenant('idle', '{"max_live_runs": 0}');
                SELECT nightjar.suspend_tenant('idle')
                """)
            let tenants = Tenants(database: database.configuration, logger: .silent)
            try await tenants.delete("gone")
            await tenants.close()
            let lines: [String] = try await probe.run { db in
                try db.query(
                    """
                    SELECT concat_ws(' ', tenant, state, live_runs, max_live_runs, live_share, round(events_per_second * 60),
                        round(events_share * 60)) FROM nightjar_report.quotas ORDER BY tenant_id
                    """
                ).map { try $0.decode(0) }
            }
            #expect(
                lines == [
                    "default active 0 0", "shop active 1 10 0.1 2 2", "cafe active 1 1 1 2", "idle suspended 0 0 0",
                ])
            for group in ["nightjar_tenant", "nightjar_reporter"] {
                try await TestRole.with(group, boundTo: "shop", in: database) { role in
                    try await role.connected { db in
                        try await db.script("SET nightjar.tenant = 'cafe'")
                        let seen = try await db.answer("SELECT tenant || ' ' || live_runs FROM nightjar_report.quotas")
                        #expect(seen == "shop 1", "\(group)")
                    }
                }
            }
            let report = try await RunningProgram(
                "nightjar", ["report", "quotas", "--csv", "--database", database.url]
            ).end()
            let rows = report.output.split(whereSeparator: \.isNewline)
            #expect(report.status == 0 && rows.count == 5, "\(report.output)\(report.error)")
            #expect(rows.count > 1 && rows[1].hasPrefix("cafe,active,1,1,1"), "\(report.output)")
        }
    }
}
