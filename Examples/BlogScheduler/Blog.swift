import Foundation
import Nightjar

/// The blog's own tables, in a schema of their own beside Nightjar's.
struct Blog: Sendable {
    let pool: PostgresPool
    let narrator: Narrator

    /// Publishes a post: the body of the step.
    ///
    /// A step is *recorded* exactly once but may be *executed* again, when a worker dies between doing the work and
    /// recording it. The idempotency key is the same each time, so the second insertion finds the first and changes
    /// nothing. A payment service or a mail provider would be given the same key.
    func publish(_ postID: String) async throws -> Date {
        let key = StepContext.current?.idempotencyKey
        let worker = ProcessInfo.processInfo.processIdentifier
        let post = try await pool.transaction { db in
            try db.execute("INSERT INTO blog_scheduler.executions (post_id, worker) VALUES ($1, $2)", [postID, worker])
            let isNew = try db.execute(
                "INSERT INTO blog_scheduler.publications (post_id, key) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING",
                [postID, key])
            let row = try db.query(
                """
                SELECT p.title, p.seconds_to_rebuild, b.published_at
                FROM blog_scheduler.posts p JOIN blog_scheduler.publications b ON b.post_id = p.id AND b.key = $2
                WHERE p.id = $1
                """, [postID, key])[0]
            return (
                title: try row.decode(0, as: String.self), seconds: try row.decode(1, as: Double.self),
                publishedAt: try row.decode(2, as: Date.self), isNew: isNew == 1
            )
        }
        narrator.say(post.isNew ? "publishes “\(post.title)”" : "finds “\(post.title)” published under its key already")
        if post.seconds > 0 {
            narrator.say("rebuilds the site, which takes \(post.seconds) s")
            try await Task.sleep(for: .seconds(post.seconds))
        }
        return post.publishedAt
    }

    /// Makes the tables anew.
    func createTables() async throws {
        try await pool.withConnection { db in
            try db.script(
                """
                DROP SCHEMA IF EXISTS blog_scheduler CASCADE;
                CREATE SCHEMA blog_scheduler;
                CREATE TABLE blog_scheduler.posts (
                    id text PRIMARY KEY, title text NOT NULL, seconds_to_rebuild float8 NOT NULL DEFAULT 0);
                CREATE TABLE blog_scheduler.publications (
                    post_id text NOT NULL, key text NOT NULL UNIQUE, published_at timestamptz NOT NULL DEFAULT now());
                CREATE TABLE blog_scheduler.executions (
                    post_id text NOT NULL, worker int NOT NULL, at timestamptz NOT NULL DEFAULT now());
                """)
        }
    }
}
