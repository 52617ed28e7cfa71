import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient

@testable import Nightjar

extension Probe {
    /// Two queues above that of the only app.
    static let blocked = "queue > 1610612736"
    static let waiting = "queue > 1073741824 AND queue < 1610612736"
    static let admitted = "queue < 536870912 AND queue > 0"

    /// Registers functions of which each is started by `test/<name>`, and cancelled by `test/cancel` with the same `data.key`.
    func registerLimited(_ limits: [String: [ConcurrencyLimit]], app: String = Probe.queueName) async throws {
        var entries: [JSON] = []
        for (name, limits) in limits.sorted(by: { $0.key < $1.key }) {
            var options = FunctionOptions()
            options.limits = limits
            entries.append([
                "name": .string(name), "options": try JSONCoding.value(JSON.self, from: options.canonicalJSON()),
                "triggers": [["event": .string("test/\(name)")]],
                "cancel": [
                    [
                        "event": "test/cancel",
                        "branches": [["trigger_path": ["data", "key"], "event_path": ["data", "key"]]],
                    ]
                ],
            ])
        }
        let json = try PostgresJSON(encoding: entries, using: JSONCoding.encoder())
        try await run { db in _ = try db.query("SELECT nightjar.register($1, $2)", [app, json]) }
    }

    /// Asks for slots as a worker does.
    func grant(
        _ most: Int = 100, released: [UUID] = [], again: [UUID] = [], sweep: Bool = false, app: String = Probe.queueName
    ) async throws -> SlotSchedule.Answer {
        try await run { db in
            let rows = try db.query(
                """
                SELECT f.function_id, f.app_id FROM nightjar.functions f JOIN nightjar.apps a USING (app_id) WHERE a.name = $1
                """, [app])
            let functions = try rows.map { try $0.decode(0, as: Int32.self) }
            let queue: Int32 = try rows[0].decode(1)
            let row = try db.query(
                Statement.grantSlots.sql,
                [queue, functions, Int32(most), released, again, sweep, UUID?.none, UUID?.none])[0]
            return SlotSchedule.Answer(
                granted: Int(try row.decode(0, as: Int32.self)), elsewhere: Int(try row.decode(1, as: Int32.self)),
                hasMore: try row.decode(2), nextIn: try row.decode(3), leftOver: try row.decode(4))
        }
    }

    /// Leases what is admitted, in the order of creation.
    func claimAdmitted(app: String = Probe.queueName) async throws -> [Lease] {
        try await run { [session] db in
            let rows = try db.query(
                """
                SELECT f.function_id, f.app_id FROM nightjar.functions f JOIN nightjar.apps a USING (app_id) WHERE a.name = $1
                """, [app])
            return try Claim.make(
                db, queue: try rows[0].decode(1), functions: try rows.map { try $0.decode(0, as: Int32.self) },
                session: session, limit: 1_000, low: .min
            ).runs.map(\.lease).sorted { $0.run.uuidString < $1.run.uuidString }
        }
    }

    /// How many unfinished runs there are of which a condition is true.
    func count(live condition: String) async throws -> Int {
        Int(try await value("SELECT count(*) FROM nightjar.live WHERE \(condition)", as: Int64.self))
    }

    /// Says that nothing of a cancelled run executes any more.
    func ended(_ lease: Lease) async throws {
        try await run { db in
            _ = try db.query(Statement.interrupted.sql, [lease.session, [lease.run], [PostgresJSON?.none], [true]])
        }
    }
}

extension ConcurrencyLimit {
    /// By the value of `data.key`.
    static func byKey(
        _ limit: Int, scope: ConcurrencyScope = .function, level: ConcurrencyLevel = .step
    ) -> ConcurrencyLimit {
        ConcurrencyLimit(
            limit: limit, scope: scope, level: level, key: ["event", "data", "key"], text: "event.data.key")
    }
}
