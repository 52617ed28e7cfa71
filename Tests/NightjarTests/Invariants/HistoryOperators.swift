import Foundation
import NightjarTesting
import PostgresClient

@testable import Nightjar

// Those who do something about runs by hand.
extension History {
    /// Cancels runs one by one; at times in a transaction that comes to nothing.
    func cancelByHand() async {
        await meanwhile { _, session in
            let runs = try await session.run { db in
                try db.query(
                    """
                    SELECT run_id FROM nightjar.live WHERE run_id > nightjar.uuid7_floor(now() - random() * interval '2 s')
                    ORDER BY run_id LIMIT 2
                    """
                ).map { try $0.decode(0, as: UUID.self) }
            }
            for run in runs {
                if Int.random(in: 0..<6) == 0 {
                    try await session.run { db in
                        try db.script("BEGIN")
                        _ = try db.query("SELECT nightjar.cancel($1, 'nobody'), pg_sleep(0.02)", [run]).count
                        try db.script("ROLLBACK")
                    }
                } else {
                    self.journal.asked(run, at: nil)
                    let answer = try await session.run { db in
                        try db.query("SELECT nightjar.cancel($1, 'hand')", [run])[0].decode(0, as: String.self)
                    }
                    if ["cancelled", "requested"].contains(answer) {
                        self.journal.asked(run, at: try await Self.now(session))
                    }
                }
            }
            try await Self.pause(session, seconds: 0.1)
        }
    }

    /// Asks for bulk cancels. Some it carries out itself in small chunks, interrupted again and again; the workers do the rest.
    func cancelInBulk() async {
        await meanwhile { _, session in
            let bulk = HistoryBulk(
                lot: Int.random(in: 0..<40), function: Bool.random() ? "post" : nil,
                includesNew: Int.random(in: 0..<4) == 0)
            let tag = self.journal.newKey("bulk-")
            self.journal.asked(tag, for: bulk)
            let isHeld = Bool.random()
            let id = try await session.run { db in
                try db.script("BEGIN")
                let id = try Self.ask(db, bulk, tag)
                if isHeld { _ = try db.query("SELECT nightjar.bulk_interrupt($1)", [id]).count }
                try db.script("COMMIT")
                return id
            }
            if isHeld {
                for _ in 0..<Int.random(in: 1...4) { try await self.advance(id, tag, session) }
                _ = try await session.run { db in try db.query("SELECT nightjar.bulk_interrupt($1, false)", [id]).count
                }
            }
            try await Self.pause(session, seconds: 0.3)
        }
    }

    private static func ask(_ db: PostgresConnection, _ bulk: HistoryBulk, _ tag: String) throws -> UUID {
        // In both of the ways in which it can be said.
        let path = Bool.random()
        return try db.query(
            """
            SELECT nightjar.bulk_cancel(function => $1, include_new => $2, actor => $3, path => $4::text::jsonpath,
                                        condition => $5)
            """,
            [
                bulk.function, bulk.includesNew, tag, path ? "$.data.lot == \(bulk.lot)" : nil,
                path ? nil : PostgresJSON(#"["==", ["event", "data", "lot"], ["lit", \#(bulk.lot)]]"#),
            ])[0].decode(0)
    }

    /// One small chunk of an interrupted request, which is interrupted again by the end of the transaction; nobody else
    /// carries it on meanwhile.
    private func advance(_ id: UUID, _ tag: String, _ session: PostgresSession) async throws {
        struct Standing: Equatable {
            var state: Int16
            var examined: Int64
            /// Runs that were locked, and are applied whatever becomes of the request.
            var requested: Int64
        }
        @Sendable func standing(_ db: PostgresConnection) throws -> Standing {
            let row = try db.query(
                "SELECT state, examined, requested FROM nightjar.bulk_cancels WHERE bulk_id = $1", [id])[0]
            return Standing(state: try row.decode(0), examined: try row.decode(1), requested: try row.decode(2))
        }
        let before = try await session.run { db in
            try db.script("BEGIN")
            _ = try db.query("SELECT nightjar.bulk_interrupt($1, false)", [id]).count
            _ = try db.query("SELECT count(*) FROM nightjar.bulk_advance($2, $1)", [id, Int32.random(in: 1...60)]).count
            _ = try db.query("SELECT nightjar.bulk_interrupt($1)", [id]).count
            try db.script("COMMIT")
            return try standing(db)
        }
        guard before.state != 3 else { return }
        try await Self.pause(session, seconds: 0.02)
        let after = try await session.run { db in try standing(db) }
        journal.held(tag, wentOn: before.state != 2 || after != before)
    }

    /// Runs ended runs again, from the beginning or from a step on.
    func runAgain() async {
        await meanwhile { _, session in
            let run = try await session.run { db in
                try db.query(
                    """
                    SELECT o.run_id FROM nightjar.outcomes o JOIN nightjar.functions f USING (function_id)
                    WHERE o.run_id > nightjar.uuid7_floor(now() - interval '2 s')
                      AND f.name = ANY ('{post,ask,parent,task,limited}')
                    ORDER BY random() LIMIT 1
                    """
                ).first?.decode(0, as: UUID.self)
            }
            if let run {
                // Many have no such step, and are refused.
                let step = [nil, "b", "nap"].randomElement() ?? nil
                let again = try? await session.run { db in
                    try db.query("SELECT nightjar.rerun($1, $2)", [run, step]).count
                }
                if again != nil { self.journal.reran() }
            }
            try await Self.pause(session, seconds: 0.05)
        }
    }
}
