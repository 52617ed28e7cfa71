import Foundation
import PostgresClient
import TestSupport

@testable import Nightjar

extension Probe {
    /// The tables, whichever they are, of which a row holds a text anywhere.
    func mentions(_ text: String) async throws -> [String] {
        try await reporting { db in
            let tables = try db.query(
                """
                SELECT c.oid::regclass::text FROM pg_class c
                WHERE c.relnamespace IN (SELECT s.oid FROM pg_namespace s WHERE s.nspname !~ '^(pg_|information_schema)')
                  AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
                """
            ).map { try $0.decode(0, as: String.self) }
            return try tables.filter { table in
                try db.query("SELECT EXISTS (SELECT FROM \(table) t WHERE strpos(t::text, $1) > 0)", [text])[0]
                    .decode(0)
            }
        }
    }

    /// Asks for an erasure.
    func erase(_ target: Erasure.Target, cancels: Bool = true) async throws -> UUID {
        try await run { db in try Erasure.request(db, target, cancels: cancels, actor: "test", reason: nil) }
    }

    /// Carries an erasure out in chunks of a few rows, or of any size, as workers do.
    func carryOut(_ id: UUID, chunk: Int = 3) async throws -> Erasure.Standing {
        var last: Erasure.Standing?
        for _ in 0..<400 {
            _ = try await run { db in try Erasure.advance(db, id, chunk: chunk) }
            try await applyPendingOnce()
            try await searchNewcomers()
            last = try await run { db in try Erasure.standing(db, id) }
            if let last, last.isDone { return last }
        }
        throw Waiting.TimedOut(description: "the erasure does not end: \(String(describing: last))")
    }

    /// Carries an erasure as far as it goes, and answers how it stands then.
    func carryOn(_ id: UUID, calls: Int = 60) async throws -> Erasure.Standing {
        for _ in 0..<calls { _ = try await run { db in try Erasure.advance(db, id) } }
        let standing = try await run { db in try Erasure.standing(db, id) }
        guard let standing else { throw Waiting.TimedOut(description: "there is no such request") }
        return standing
    }
}
