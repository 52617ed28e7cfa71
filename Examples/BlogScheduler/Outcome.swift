import Foundation
import Nightjar

/// A post with all that became of it.
struct PostOutcome: Sendable {
    var post: String
    /// The status of each of its runs, the oldest first.
    var runs: [String]
    /// How often the step that publishes it was executed, and by how many workers.
    var executions: Int
    var workers: Int
    /// When it was published, in seconds since the story began.
    var published: [Double]

    static func read(_ db: PostgresConnection, since start: Date) throws -> [PostOutcome] {
        try db.query(
            """
            WITH runs AS (
                SELECT e.data ->> 'postID' AS post, array_agg(r.status ORDER BY r.event_seq) AS statuses
                FROM nightjar.run_status r JOIN nightjar.events e ON e.event_id = r.event_id
                WHERE r.app = $1 AND r.created_at >= $2 GROUP BY 1
            ), ids AS (
                SELECT id FROM blog_scheduler.posts UNION SELECT post FROM runs
            )
            SELECT i.id, coalesce(r.statuses, '{}'),
                   (SELECT count(*) FROM blog_scheduler.executions x WHERE x.post_id = i.id),
                   (SELECT count(DISTINCT x.worker) FROM blog_scheduler.executions x WHERE x.post_id = i.id),
                   ARRAY(SELECT extract(epoch FROM p.published_at - $2)::float8 FROM blog_scheduler.publications p
                         WHERE p.post_id = i.id ORDER BY p.published_at)
            FROM ids i LEFT JOIN runs r ON r.post = i.id
            """, [BlogWorker.app, start]
        ).map { row in
            PostOutcome(
                post: try row.decode(0), runs: try row.decode(1), executions: try row.decode(2),
                workers: try row.decode(3), published: try row.decode(4))
        }
    }
}

/// What was promised for a post.
struct Promise {
    var post: String
    var whatWasDone: String
    var runs: [String] = ["completed"]
    /// Published once, not before this many seconds; nil: never.
    var publishedAt: Double?
    /// Whether a second worker had to execute the step again.
    var isTakenOver = false

    static let all = [
        Promise(post: "hello", whatWasDone: "scheduled", publishedAt: 4),
        Promise(post: "secret", whatWasDone: "scheduled, cancelled", runs: ["cancelled"]),
        Promise(
            post: "launch", whatWasDone: "scheduled, rescheduled twice", runs: ["cancelled", "cancelled", "completed"],
            publishedAt: 7),
        Promise(post: "changelog", whatWasDone: "scheduled in plain SQL", publishedAt: 5),
        Promise(post: "ghost", whatWasDone: "scheduled in plain SQL, rolled back", runs: []),
        Promise(
            post: "long-read", whatWasDone: "scheduled, its worker killed", publishedAt: 5.5, isTakenOver: true),
    ]

    /// What is not as promised; nil when all is.
    func broken(by outcome: PostOutcome) -> String? {
        if outcome.runs != runs { return "its runs should be \(runs)" }
        if outcome.published.count != (publishedAt == nil ? 0 : 1) {
            return "published \(outcome.published.count) times"
        }
        if let publishedAt, outcome.published[0] < publishedAt { return "published before \(publishedAt) s" }
        if isTakenOver, outcome.workers != 2 { return "executed by \(outcome.workers) workers, not by two" }
        return nil
    }
}
