import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient

@testable import Nightjar

/// A queue in which the runs of several tenants wait, and a session that claims from it by the engine's own statement.
struct SharedQueue: Sendable {
    let probe: PostgresSession
    let session: UUID
    let queue: Int32

    /// The tenants' numbers: 1 is the default tenant.
    static func with(
        _ database: TestDatabase, tenants: Int, priority: JSON = .null, _ body: (SharedQueue) async throws -> Void
    ) async throws {
        let connection = PostgresSession(database.configuration.forEngine(name: "probe"), logger: .silent)
        let queue = try await connection.run { db in
            let functions = PostgresJSON(
                try JSONCoding.text(
                    [
                        [
                            "name": "work", "options": [:], "triggers": [["event": "test/work"]], "cancel": [],
                            "priority": priority,
                        ]
                    ] as JSON))
            for tenant in 1...tenants where tenant > 1 {
                _ = try db.query("SELECT nightjar.create_tenant($1)", ["tenant \(tenant)"])
            }
            try db.script("SET nightjar.tenant = '*'")
            let queue = try db.query("SELECT queue FROM nightjar.register('shared', $1)", [functions])[0].decode(
                0, as: Int32.self)
            try db.script("SET nightjar.tenant = '1'")
            return queue
        }
        let shared = SharedQueue(probe: connection, session: UUID(), queue: queue)
        try await connection.run { db in
            _ = try db.execute(Statement.openSession.sql, [shared.session, "probe", queue, Duration.seconds(3_600)])
        }
        try await body(shared)
        await connection.close()
    }

    /// The same queue, for one who claims at the same time.
    func beside(_ database: TestDatabase) -> SharedQueue {
        SharedQueue(
            probe: PostgresSession(database.configuration.forEngine(name: "probe"), logger: .silent), session: session,
            queue: queue)
    }

    func send(tenant: Int, count: Int = 1, data: String = "{}") async throws {
        try await probe.run { db in
            _ = try db.execute(
                """
                INSERT INTO nightjar.events (tenant_id, name, data)
                SELECT $1, 'test/work', $2 FROM generate_series(1, $3::int)
                """, [Int32(tenant), PostgresJSON(data), Int32(count)])
        }
    }

    /// Claims as a worker does, and says so.
    @discardableResult
    func claim(limit: Int, says: Bool = true, deals: Bool = false) async throws -> [ClaimedRun] {
        try await probe.run { [session, queue] db in
            let functions = try db.query("SELECT function_id FROM nightjar.functions").map {
                try $0.decode(0, as: Int32.self)
            }
            var claim = try Claim.make(
                db, queue: queue, functions: functions, session: session, limit: limit, low: .min,
                dealsAfter: deals ? 0 : nil)
            if says { try claim.sayPass(db, queue: queue) }
            return claim.runs
        }
    }

    /// Claims what is dealt; answers also where the deal stopped.
    func deal(limit: Int, after tenant: Int32) async throws -> ([ClaimedRun], Int32?) {
        try await probe.run { [session, queue] db in
            let functions = try db.query("SELECT function_id FROM nightjar.functions").map {
                try $0.decode(0, as: Int32.self)
            }
            let claim = try Claim.make(
                db, queue: queue, functions: functions, session: session, limit: limit, low: .min, dealsAfter: tenant)
            return (claim.runs, claim.dealtTo)
        }
    }

    /// How many pages a deal touches.
    func dealPages(limit: Int) async throws -> Int {
        let plan = try await probe.run { [session, queue] db in
            try db.query(
                "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + Statement.deal.sql,
                [queue, session, Int32(limit), Int64.min, [Int32(1)], nil as Duration?, Int32(0)]
            )[0].decode(0, as: PostgresJSON.self).text
        }
        return plan.firstMatch(of: #/"Shared Hit Blocks": (\d+)/#).flatMap { Int($0.1) } ?? .max
    }

    /// Runs that have slept, and are due now: an hour late, and the later the sooner they were sent.
    func sendDue(tenant: Int, count: Int = 1) async throws {
        try await probe.run { db in
            _ = try db.execute(
                """
                INSERT INTO nightjar.events (tenant_id, name, ts)
                SELECT $1, 'test/work', now() + interval '1 day' FROM generate_series(1, $2::int)
                """, [Int32(tenant), Int32(count)])
            _ = try db.execute(
                "UPDATE nightjar.live SET due_at = clock_timestamp() - interval '1 hour' WHERE due_at > now()")
        }
    }

    /// Runs that have come back: an event resumed them.
    func sendBack(tenant: Int, count: Int = 1) async throws {
        try await sendDue(tenant: tenant, count: count)
        try await probe.run { db in
            _ = try db.execute(
                "UPDATE nightjar.live SET state = 0, epoch = 1, due_at = NULL WHERE tenant_id = $1 AND due_at IS NOT NULL",
                [Int32(tenant)])
        }
    }

    func change(tenant: Int, _ json: String) async throws {
        try await probe.run { db in
            _ = try db.query("SELECT nightjar.set_tenant($1, $2)", ["\(tenant)", PostgresJSON(json)])
        }
    }
}

extension [ClaimedRun] {
    /// How many there are of each tenant.
    var byTenant: [Int: Int] { Dictionary(map { (Int($0.tenant), 1) }, uniquingKeysWith: +) }
}
