import Foundation
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

// Those who send events.
extension History {
    /// Few enough that many runs share one: a newer post cancels the older.
    private static let postKeys = 2_000

    /// Repeats until enough was sent. What fails because a backend or the server is gone is done anew.
    func meanwhile(_ body: (Client, PostgresSession) async throws -> Void) async {
        let client = Client(database: database.configuration, connections: 1, logger: .silent)
        let session = PostgresSession(database.configuration, logger: .silent)
        while journal.progress < total {
            do {
                try await body(client, session)
            } catch {
                // What became of it is unknown, and that is all right.
                try? await session.run { db in try db.script("ROLLBACK") }
            }
        }
        await client.close()
        await session.close()
    }

    /// Starts runs.
    func produce() async {
        await meanwhile { client, session in
            let commits = Int.random(in: 0..<10) != 1
            let events = try (0..<Int.random(in: 1...20)).flatMap { _ in try self.beginning() }
            let starting = events.count { HistoryRules.triggers[$0.name] != nil }
            if commits, Int.random(in: 0..<10) == 0 {
                try await self.reschedule(session)
            } else if commits, Bool.random() {
                try await self.acknowledge(try await client.send(events), session)
                self.journal.stored(starting)
            } else {
                try await self.inOpenTransaction(events, session, commits: commits)
                if commits { self.journal.stored(starting) }
            }
        }
    }

    /// One event that starts a run, at times beside one that answers or cancels it.
    private func beginning() throws -> [NewEvent] {
        let nap = Int.random(in: 1...800)
        switch Int.random(in: 0..<100) {
        case 0..<68:
            let post = Said<PostName>(key: postKey, nap: Bool.random() ? nap : 0)
            let id = Int.random(in: 0..<20) == 7 ? "id-\(UUID())" : nil
            let at = Int.random(in: 0..<20) == 8 ? Date(timeIntervalSinceNow: 0.2) : nil
            return [try NewEvent(post, id: id, at: at)]
        case 68..<84:
            let ask = Said<AskName>(key: journal.newKey("q"), nap: nap * 2, mode: Int.random(in: 0...4))
            // An answer in the same breath counts only for those who look back to the start of their run.
            let both = [try NewEvent(ask), try NewEvent(Said<AnswerName>(key: ask.key))]
            return Int.random(in: 0..<10) == 0 ? Bool.random() ? both : both.reversed() : [both[0]]
        case 84..<92:
            return [try NewEvent(Said<ParentName>(key: journal.newKey("p"), nap: nap * 2, mode: Int.random(in: 0...3)))]
        case 92..<98:
            return [try NewEvent(Said<LimitedName>(key: journal.newKey("l"), nap: nap))]
        default:
            return [try NewEvent(Said<EndlessName>(key: journal.newKey("e")))]
        }
    }

    /// Ends runs by events.
    func cancel() async {
        await meanwhile { client, session in
            let events = try (0..<Int.random(in: 1...10)).map { _ in
                switch Int.random(in: 0..<10) {
                case 0..<3: try NewEvent(Said<CancelName>(key: self.postKey))
                case 3: try NewEvent(Said<CancelName>(key: self.journal.recentKey("q", of: 60)))
                case 4: try NewEvent(Said<CancelName>(key: self.journal.recentKey("p", of: 40)))
                case 5..<8: try NewEvent(Said<RecallName>(key: self.postKey))
                default: try NewEvent(Said<LateName>(key: self.postKey))
                }
            }
            if Int.random(in: 0..<10) == 0 {
                try await self.inOpenTransaction(events, session, commits: Bool.random())
            } else {
                try await self.acknowledge(try await client.send(events), session)
            }
            try await Self.pause(session)
        }
    }

    /// Answers those who ask.
    func answer() async {
        await meanwhile { client, session in
            var keys = try await session.run { db in
                try db.query(
                    """
                    SELECT e.data ->> 'key' FROM nightjar.open_steps o JOIN nightjar.live l USING (run_id)
                    JOIN nightjar.events e USING (event_id) WHERE o.kind = 4 ORDER BY random() LIMIT 4
                    """
                ).map { try $0.decode(0, as: String.self) }
            }
            // One that hardly waits yet.
            keys.append(self.journal.recentKey("q", of: 20))
            let events = try keys.map { key in
                Int.random(in: 0..<5) == 0
                    ? try NewEvent(Said<OtherName>(key: key)) : try NewEvent(Said<AnswerName>(key: key))
            }
            if Int.random(in: 0..<5) == 0 {
                try await self.inOpenTransaction(events, session, commits: Int.random(in: 0..<4) != 0)
            } else {
                try await self.acknowledge(try await client.send(events), session)
            }
            try await Self.pause(session)
        }
    }

    private var postKey: String { "k\(Int.random(in: 0..<Self.postKeys))" }

    /// In SQL, as anybody may.
    private func reschedule(_ session: PostgresSession) async throws {
        let data = try PostgresJSON(encoding: Said<PostName>(key: postKey))
        let id = try await session.run { db in
            try db.query("SELECT event_id FROM nightjar.reschedule($1, $2)", [PostName.text, data])[0].decode(
                0, as: String.self)
        }
        try await acknowledge([id], session)
        journal.stored(1)
    }

    /// Events beside other work: the transaction stays open for a while, so others overtake it.
    private func inOpenTransaction(_ events: [NewEvent], _ session: PostgresSession, commits: Bool) async throws {
        let ids = try await session.run { db in
            try db.script("BEGIN")
            return try Client.send(events, in: db)
        }
        for _ in 0..<Int.random(in: 1...20) { try await Self.pause(session, seconds: 0.002) }
        try await session.run { db in try db.script(commits ? "COMMIT" : "ROLLBACK") }
        if commits { try await acknowledge(ids, session) }
    }

    private func acknowledge(_ ids: [String], _ session: PostgresSession) async throws {
        journal.acknowledged(ids.compactMap { UUID(uuidString: $0) }, at: try await Self.now(session))
    }

    /// The database's clock.
    static func now(_ session: PostgresSession) async throws -> Date {
        try await session.run { db in try db.query("SELECT clock_timestamp()")[0].decode(0) }
    }

    static func pause(_ session: PostgresSession, seconds: Double = 0.01) async throws {
        _ = try await session.run { db in try db.query("SELECT pg_sleep($1)", [seconds]).count }
    }
}
