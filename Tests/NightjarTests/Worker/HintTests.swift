import Foundation
import NightjarTesting
import PostgresClient
import Synchronization
import TestSupport
import Testing

@testable import Nightjar

/// Hints make things prompt; without them everything still happens.
struct HintTests {
    @Test("A plain INSERT wakes an idle worker at once, and a plain INSERT cancels what it executes at once")
    func plainSQL() async throws {
        let started = Signal()
        let cancelled = Signal()
        let function = Self.endless(started, cancelled)
        try await TestDatabase.with { database in
            // So long a poll that only a notification can be in time.
            try await RunningWorker.with([function], in: database, configure: { $0.pollInterval = .seconds(600) }) {
                _ in
                let sql = PostgresSession(database.configuration, logger: .silent)
                try await Self.isListening(sql)
                try await sql.run { db in
                    try db.script(
                        "INSERT INTO nightjar.events (name, data) VALUES ('blog/post.scheduled', '{\"postID\": \"p\", \"scheduledAt\": 0}')"
                    )
                }
                try await started.wait()
                try await sql.run { db in
                    try db.script(
                        "INSERT INTO nightjar.events (name, data) VALUES ('blog/post.cancelled', '{\"postID\": \"p\"}')"
                    )
                }
                try await cancelled.wait()
                await sql.close()
            }
        }
    }

    @Test("Of transactions that insert at the same time some notify, and what the others inserted is found by that")
    func crowd() async throws {
        let started = Signal()
        let function = Self.endless(started, Signal())
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database, configure: { $0.pollInterval = .seconds(600) }) {
                _ in
                let sessions = (0..<5).map { _ in PostgresSession(database.configuration, logger: .silent) }
                try await Self.isListening(sessions[0])
                for (index, session) in sessions.dropLast().enumerated() {
                    try await session.run { db in
                        try db.script(
                            """
                            BEGIN;
                            INSERT INTO nightjar.events (name, data)
                            VALUES ('blog/post.scheduled', '{"postID": "other-\(index)", "scheduledAt": 0}')
                            """)
                    }
                }
                let places = try await sessions[4].run { db in
                    try db.script(
                        """
                        BEGIN;
                        INSERT INTO nightjar.events (name, data) VALUES ('blog/post.scheduled', '{"postID": "p", "scheduledAt": 0}')
                        """)
                    defer { try? db.script("COMMIT") }
                    return try db.query(
                        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")[0]
                        .decode(0, as: Int64.self)
                }
                #expect(places == 0, "it says nothing itself")
                for session in sessions[1..<4] { try await session.run { db in try db.script("ROLLBACK") } }
                // What it inserted itself starts a run, too.
                try await sessions[0].run { db in try db.script("COMMIT") }
                try await eventually("both have been claimed") {
                    try await sessions[0].run { db in
                        try db.query("SELECT count(*) = 2 FROM nightjar.live WHERE state = 1")[0].decode(
                            0, as: Bool.self)
                    }
                }
                for session in sessions { await session.close() }
            }
        }
    }

    @Test("A client says what its events have done, once they are committed, and nothing of those that did nothing")
    func precise() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let client = Client(database: database.configuration, logger: .silent)
            let sql = PostgresSession(database.configuration, logger: .silent)
            var heard: [String] = []
            for await element in PostgresNotifications(
                database.configuration, channels: [Hint.channel], logger: .silent)
            {
                if case .listening = element {
                    try await client.send([NewEvent(name: "blog/nobody.hears", data: [:])])
                    try await client.send([NewEvent(name: "test/cancel", data: ["key": "k"])])
                    // Starts a run, and may cancel an older one.
                    try await client.send([NewEvent(name: "test/post", data: ["key": "k"])])
                    try await sql.run { db in
                        // Rolled back: what it would have said is forgotten with it.
                        try db.script(
                            """
                            SET nightjar.hints = 'kept';
                            BEGIN;
                            INSERT INTO nightjar.events (name, data)
                            VALUES ('test/post', '{"key": "q"}');
                            ROLLBACK;
                            SELECT nightjar.send_hints();
                            """)
                        _ = try db.query("SELECT pg_notify($1, 'end')", [Hint.channel])
                    }
                }
                guard case .notification(_, let payload, _) = element else { continue }
                if payload == "end" { break }
                heard.append(payload)
            }
            #expect(heard == ["pending", "ready pending"])
            await sql.close()
            await client.close()
        }
    }

    @Test("Whoever sends a hint is not kept by the hints of others that gather meanwhile, which are sent all the same")
    func gathering() async throws {
        try await TestDatabase.with { database in
            let session = PostgresSession(database.configuration, logger: .silent)
            let source = HeldSource(session: session)
            let hints = HintSender(source: source, logger: .silent)
            let first = Task { await hints.send([.ready]) }
            try await source.begun[0].wait()
            // Is taken along by the sender, when its own is through.
            await hints.send([.pending])
            source.release[0].set()
            try await source.begun[1].wait()
            await first.value
            #expect(!source.release[1].isSet, "the second batch is still on its way")
            source.release[1].set()
            try await source.ended[1].wait()
            await session.close()
        }
    }

    @Test("With every notification lost, runs start, sleeps end, cancels land, the dead are reaped")
    func allLost() async throws {
        let started = Signal()
        let cancelled = Signal()
        let blog = Blog()
        func quiet(_ configuration: inout WorkerConfiguration) {
            configuration.listens = false
            configuration.pollInterval = .milliseconds(100)
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with(
                [blog.publishPost, Self.endless(started, cancelled, id: "endless")], in: database, configure: quiet
            ) { client in
                try await client.send(PostScheduled(postID: "p", scheduledAt: Date(timeIntervalSinceNow: 0.3)))
                try await started.wait()
                try await eventually("the post is published") { blog.published == ["p"] }
                try await client.send(PostCancelled(postID: "p"))
                try await cancelled.wait()

                let dead = try await Probe(database)
                try await client.send(PostScheduled(postID: "q", scheduledAt: .distantFuture))
                try await eventually("nothing is left to lease") {
                    try await dead.value("SELECT count(*) FROM nightjar.live WHERE state = 0", as: Int64.self) == 0
                }
                try await dead.run { [session = dead.session] db in
                    _ = try db.execute(
                        "UPDATE nightjar.live SET state = 1, session_id = $1, due_at = NULL, epoch = epoch + 1 WHERE state = 2",
                        [session])
                }
                try await dead.markDead(dead.session)
                try await eventually("it sleeps again, elsewhere") {
                    try await dead.value("SELECT count(*) FROM nightjar.live WHERE state = 2", as: Int64.self) == 1
                }
            }
        }
    }

    @Test("Hints survive their way through payloads, however many they are")
    func payloads() {
        let session = UUID()
        let hints: Set<Hint> = Set(
            (0..<1_000).map { _ in .cancelled(session: session, run: UUID()) } + [.ready, .pending])
        let payloads = Hint.payloads(of: hints)
        #expect(payloads.allSatisfy { $0.utf8.count < 8_000 })
        #expect(Set(payloads.flatMap(Hint.parse)) == hints)
        #expect(Hint.parse("tomorrow's:word ready cancelled:nonsense") == [.ready])
    }

    private static func endless(_ started: Signal, _ cancelled: Signal, id: String = "endless") -> FunctionDefinition {
        Function(id, on: PostScheduled.self).cancelOn(PostCancelled.self, match: \.postID).run { event, step in
            try await step.run("endless") {
                started.set()
                await cancelled.untilCancelled()
            }
        }
    }

    private static func isListening(_ sql: PostgresSession) async throws {
        try await eventually("the worker listens") {
            try await sql.run { db in
                try db.query(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN%'"
                )[0]
                .decode(0, as: Int64.self)
            } > 0
        }
    }
}

/// A connection whose first two uses wait to be released.
private final class HeldSource: ConnectionSource {
    let begun = [Signal(), Signal()]
    let release = [Signal(), Signal()]
    let ended = [Signal(), Signal()]
    private let session: PostgresSession
    private let uses = Mutex(0)

    init(session: PostgresSession) {
        self.session = session
    }

    func withConnection<T: Sendable>(_ body: @Sendable (PostgresConnection) throws -> T) async throws -> T {
        let use = uses.withLock { uses in
            defer { uses += 1 }
            return uses
        }
        begun[use].set()
        try await release[use].wait()
        defer { ended[use].set() }
        return try await session.run(body)
    }

    func close() async {}
}
