import Foundation
import Nightjar

/// Claims runs by the engine's own statement, beside any worker.
struct BenchClaimer {
    private let db: PostgresConnection
    private let session = UUID()
    private let queue: Int32
    private let functions: [Int32]
    /// As a worker behind a backlog does it: what lies below the last claim's lowest is read no more.
    private var low = Int64.min
    private var dealing: Dealing?

    /// - Parameter deals: Whether what is due is dealt out among tenants when there is more than a claim takes.
    init(_ db: PostgresConnection, deals: Bool = false) throws {
        self.db = db
        dealing = deals ? Dealing() : nil
        queue = try db.query("SELECT min(app_id) FROM nightjar.functions")[0].decode(0)
        functions = try db.query("SELECT function_id FROM nightjar.functions").map { try $0.decode(0, as: Int32.self) }
        _ = try db.execute(Statement.openSession.sql, [session, "bench", queue, Duration.seconds(3_600)])
    }

    /// Leases runs, and answers whose they are.
    mutating func claim(_ limit: Int) throws -> [Int32] {
        var tenants: [Int32] = []
        var lowest: Int64?
        var (old, count) = (0, 0)
        var deal = Deal.none
        let rows = try db.transaction { [self] db in
            if let dealing, dealing.isOn {
                deal = try Deal.make(
                    db, queue: queue, functions: functions, session: session, limit: limit, low: low, overdue: nil,
                    after: dealing.tenant)
            }
            return try db.query(Statement.claim.sql, parameters(limit, deal))
        }
        for row in rows {
            let source = try row.decode(17, as: Int32.self)
            count += 1
            if source != 2 { old += 1 }
            guard let tenant = try row.decode(2, as: Int32?.self) else { continue }
            if source == 2 {
                let pass = try row.decode(4, as: Int64.self)
                lowest = min(lowest ?? pass, pass)
            }
            tenants.append(tenant)
        }
        dealing?.claimed(old: old, count: count, limit: limit, tenant: deal.tenant)
        if let lowest { low = lowest }
        return tenants
    }

    /// How many pages a claim touches that reads from the left end of the indexes, and how long it takes. Nothing is
    /// leased by it.
    func probe(_ limit: Int) throws -> (pages: Double, milliseconds: Double) {
        try db.script("BEGIN")
        defer { try? db.script("ROLLBACK") }
        let text = try db.query(
            "EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT JSON) " + Statement.claim.sql, parameters(limit, .none))[0]
            .decode(0, as: PostgresJSON.self).text
        let plan = try JSONDecoder().decode([Plan].self, from: Data(text.utf8))[0]
        return (plan.root.hit + plan.root.read, plan.time)
    }

    private func parameters(_ limit: Int, _ deal: Deal) -> [any PostgresEncodable] {
        [
            queue, session, Int32(limit), low, functions, [Int32](), [Duration](), nil as Duration?, false,
            deal.runs, Int32(deal.new),
        ]
    }

    private struct Plan: Decodable {
        enum CodingKeys: String, CodingKey {
            case root = "Plan"
            case time = "Execution Time"
        }
        struct Node: Decodable {
            enum CodingKeys: String, CodingKey {
                case hit = "Shared Hit Blocks"
                case read = "Shared Read Blocks"
            }
            var hit: Double
            var read: Double
        }
        var root: Node
        var time: Double
    }
}
