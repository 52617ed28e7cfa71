import Foundation
import Nightjar

/// What the demo does to the posts, and what must come of it.
struct Story {
    let client: Client
    let pool: PostgresPool
    let narrator: Narrator
    /// The database's clock when the story began.
    let start: Date

    /// The story's last time of publication, also of those that must not happen.
    static let lastDate: TimeInterval = 9

    func tell() async throws {
        try await write("hello", title: "Hello, world", dueIn: 4)
        let secret = try await write("secret", title: "Not yet", dueIn: 6)
        let launch = try await write("launch", title: "Launch day", dueIn: 3)
        try await write("long-read", title: "A long read", secondsToRebuild: 2, dueIn: 5.5)
        try await writeInSQL("changelog", title: "What is new", dueIn: 5)
        try await rollBack("ghost", title: "Never written", dueIn: 5)

        try await Task.sleep(for: .seconds(1))
        try await client.send(PostCancelled(postID: "secret"))
        narrator.say("cancels “Not yet”: \(try await status(ofRunOf: secret))")
        let launchAgain = try await reschedule("launch", to: Self.lastDate)
        narrator.say("schedules “Launch day” for later: \(try await status(ofRunOf: launch))")

        try await Task.sleep(for: .seconds(0.5))
        try await cancelAndSchedule("launch", to: 7)
        narrator.say("cancels and schedules “Launch day” in one: \(try await status(ofRunOf: launchAgain))")
    }

    /// The post and its event in one transaction: there are both or neither. Answers the event's id.
    @discardableResult
    private func write(_ id: String, title: String, secondsToRebuild: Double = 0, dueIn seconds: Double) async throws
        -> String
    {
        let event = try await pool.transaction { db in
            try db.execute(
                "INSERT INTO blog_scheduler.posts (id, title, seconds_to_rebuild) VALUES ($1, $2, $3)",
                [id, title, secondsToRebuild])
            return try Client.send([NewEvent(PostScheduled(postID: id, scheduledAt: date(seconds)))], in: db)[0]
        }
        narrator.say("writes “\(title)”, due in \(seconds) s")
        return event
    }

    /// The same in plain SQL, as any program in any language could.
    private func writeInSQL(_ id: String, title: String, dueIn seconds: Double) async throws {
        try await pool.transaction { db in try Self.insert(db, id, title, date(seconds)) }
        narrator.say("writes “\(title)” in plain SQL, due in \(seconds) s")
    }

    /// The same once more, but the transaction does not commit.
    private func rollBack(_ id: String, title: String, dueIn seconds: Double) async throws {
        struct ChangedItsMind: Error {}
        do {
            try await pool.transaction { db in
                try Self.insert(db, id, title, date(seconds))
                throw ChangedItsMind()
            }
        } catch is ChangedItsMind {
            narrator.say("writes “\(title)” in plain SQL, due in \(seconds) s, and rolls back")
        }
    }

    private static func insert(_ db: PostgresConnection, _ id: String, _ title: String, _ date: Date) throws {
        try db.execute("INSERT INTO blog_scheduler.posts (id, title) VALUES ($1, $2)", [id, title])
        try db.execute(
            """
            INSERT INTO nightjar.events (name, data)
            VALUES ('blog/post.scheduled', jsonb_build_object('postID', $1::text, 'scheduledAt', $2::timestamptz))
            """, [id, date])
    }

    /// One style: a newer schedule is nothing but another event. `reschedule` sends it, and would refuse if it replaced
    /// nothing.
    private func reschedule(_ id: String, to seconds: Double) async throws -> String {
        try await client.reschedule(PostScheduled(postID: id, scheduledAt: date(seconds))).eventID
    }

    /// The other: both events in one statement, for functions that are not cancelled by their own event.
    private func cancelAndSchedule(_ id: String, to seconds: Double) async throws {
        try await client.send([
            NewEvent(PostCancelled(postID: id)), NewEvent(PostScheduled(postID: id, scheduledAt: date(seconds))),
        ])
    }

    private func status(ofRunOf event: String) async throws -> String {
        let runs = try await client.runs(startedBy: event)
        return "the run of before is " + runs.map(\.status.rawValue).joined(separator: ", ")
    }

    private func date(_ seconds: Double) -> Date { start.addingTimeInterval(seconds) }
}
