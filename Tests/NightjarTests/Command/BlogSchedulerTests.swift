import Foundation
import Nightjar
import NightjarTesting
import TestSupport
import Testing

@Suite("The example BlogScheduler", .serialized, .timeLimit(.minutes(5)))
struct BlogSchedulerTests {
    @Test("keeps all its promises, with a worker killed half-way")
    func demo() async throws {
        try await TestDatabase.with { database in
            let result = try await RunningProgram("BlogScheduler", ["--database", database.url]).end(
                within: .seconds(240))

            #expect(result.status == 0, "\(result.output)\n\(result.error)")
            #expect(result.output.contains("Everything is as promised."))
            #expect(result.output.contains("SIGKILL"))
        }
    }

    @Test("a worker that gets one signal finishes its step, says goodbye and ends with status 0")
    func oneSignal() async throws {
        try await withExecutingWorker(stepSeconds: 0.5) { worker, database, run in
            worker.signal(SIGTERM)

            let result = try await worker.end()
            #expect(result.status == 0, "\(result.output)\n\(result.error)")
            #expect(try await status(of: run, database) == "completed", "the step was finished and recorded")
            #expect(try await sessions(database) == 0, "it said goodbye")
        }
    }

    @Test("a worker that gets a second signal ends at once, with 128 and the signal's number")
    func twoSignals() async throws {
        try await withExecutingWorker(stepSeconds: 600) { worker, database, run in
            worker.signal(SIGTERM)
            // The first one has been taken when the worker says so; only then is the next one a second one.
            try await eventually("the worker shuts down") { worker.error.contains("shutting down") }
            worker.signal(SIGINT)

            #expect(try await worker.end(within: .seconds(10)).status == 128 + SIGINT)
            #expect(try await status(of: run, database) == "running", "nobody has missed it yet")
            #expect(try await sessions(database) == 1)
        }
    }

    /// A worker of the example, in the middle of the step that publishes a post.
    private func withExecutingWorker(
        stepSeconds: Double, _ body: (RunningProgram, TestDatabase, UUID) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            let connection = PostgresSession(database.configuration, logger: .silent)
            try await connection.run { db in
                try db.script(
                    """
                    CREATE SCHEMA blog_scheduler;
                    CREATE TABLE blog_scheduler.posts (id text, title text, seconds_to_rebuild float8);
                    CREATE TABLE blog_scheduler.publications (
                        post_id text, key text UNIQUE, published_at timestamptz DEFAULT now());
                    CREATE TABLE blog_scheduler.executions (post_id text, worker int);
                    """)
                try db.execute("INSERT INTO blog_scheduler.posts VALUES ('p', 'P', $1)", [stepSeconds])
            }
            let worker = try RunningProgram(
                "BlogScheduler", ["worker"], environment: ["NIGHTJAR_DATABASE_URL": database.url, "BLOG_LOG": "info"],
                input: nil)
            try await eventually("the worker is there") { try await sessions(database) == 1 }
            let client = Client(database: database.configuration, logger: .silent)
            let event = try await client.send(PostScheduled(postID: "p", scheduledAt: Date()))
            let run = try #require(try await client.runs(startedBy: event).first?.id)
            await client.close()
            try await eventually("the step executes") {
                try await connection.run { db in try !db.query("SELECT FROM blog_scheduler.executions").isEmpty }
            }
            await connection.close()
            try await body(worker, database, run)
        }
    }

    private func status(of run: UUID, _ database: TestDatabase) async throws -> String? {
        try await nightjar("run", run.uuidString, "--json", "--database", database.url).json()[0]["run"]?["status"]?
            .string
    }

    private func sessions(_ database: TestDatabase) async throws -> Int {
        let connection = PostgresSession(database.configuration, logger: .silent)
        let count = try await connection.run { db in
            try db.query("SELECT count(*) FROM nightjar.sessions WHERE NOT dead")[0].decode(0, as: Int.self)
        }
        await connection.close()
        return count
    }
}
