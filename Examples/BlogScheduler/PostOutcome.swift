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
