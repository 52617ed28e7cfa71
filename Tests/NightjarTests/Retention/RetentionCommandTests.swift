import Foundation
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

@Suite("nightjar retention, nightjar erase", .serialized, .timeLimit(.minutes(3)))
struct RetentionCommandTests {
    @Test("policies are shown, set and taken away; what is wrong is named")
    func policies() async throws {
        try await TestDatabase.with { database in
            let shown = try await nightjar("retention", "show", "--json", "--database", database.url)
            #expect(shown.status == 0)
            #expect(shown.output.split(separator: "\n").count == 3)
            let set = try await nightjar("retention", "set", "runs", "90d", "--database", database.url)
            #expect(set.output == "runs: kept for 90 days\n", "\(set.output)")
            let own = try await nightjar(
                "retention", "set", "events", "18 months", "--tenant", "default", "--json", "--database", database.url)
            #expect(
                own.output.contains("\"keep\":\"1 year 6 mons\"") && own.output.contains("\"tenant\":\"default\""),
                "\(own.output)")
            let reset = try await nightjar(
                "retention", "set", "events", "default", "--tenant", "default", "--database", database.url)
            #expect(
                reset.status == 0 && reset.output == "events of tenant default: as for all others\n", "\(reset.output)")
            let wrong = try await nightjar("retention", "set", "steps", "90d", "--database", database.url)
            #expect(wrong.status == 1 && wrong.error.contains("there is no log \"steps\""), "\(wrong.error)")
            let short = try await nightjar("retention", "set", "runs", "2 hours", "--database", database.url)
            #expect(short.status == 1 && short.error.contains("a log cannot be kept for"), "\(short.error)")
            let nobody = try await nightjar(
                "retention", "set", "runs", "30d", "--tenant", "nobody", "--database", database.url)
            #expect(nobody.error.contains("there is no tenant \"nobody\""), "\(nobody.error)")
            let none = try await nightjar("retention", "apply", "--dry-run", "--database", database.url)
            #expect(none.status == 2 && none.output == "Nothing is due.\n", "\(none.output)")
        }
    }

    @Test("a dry run says what would go and changes nothing; applying does it; doctor tells of what is overdue")
    func apply() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.makeWeeks(back: 12)
            try await probe.send("test/post", key: "sleeper")
            for _ in 0..<5 { try await probe.send("test/other", key: "x") }
            try await probe.shift(try await probe.liveRuns(), by: 60)
            let before = try await probe.partitions(of: "runs")
            _ = try await nightjar("retention", "set", "runs", "30d", "--database", database.url)

            let plan = try await nightjar("retention", "apply", "--dry-run", "--json", "--database", database.url)
            #expect(plan.status == 0)
            let weeks = plan.output.split(separator: "\n")
            #expect(
                weeks.count { $0.contains("\"live_runs\":1") && $0.contains("\"needed\":1") } == 1, "\(plan.output)")
            #expect(weeks.count > 3 && weeks.allSatisfy { $0.contains("\"log\":\"runs\"") })
            #expect(try await probe.partitions(of: "runs") == before)

            try await probe.script("UPDATE nightjar.retention SET changed_at = now() - interval '1 day'")
            let doctor = try await nightjar("doctor", "--json", "--database", database.url)
            #expect(doctor.output.contains("nobody has tried to drop them"), "\(doctor.output)")

            let applied = try await nightjar("retention", "apply", "--database", database.url)
            #expect(applied.status == 0, "\(applied.output) \(applied.error)")
            #expect(applied.output.contains(": dropped"), "\(applied.output)")
            #expect(try await probe.partitions(of: "runs") == before - Int64(weeks.count) + 1)
            #expect(try await probe.liveRuns().count == 1)
            let well = try await nightjar("doctor", "--json", "--database", database.url)
            #expect(well.output.contains("nothing is kept for longer than its policy says"), "\(well.output)")
            await probe.connection.close()
        }
    }

    @Test("erasing shows what is meant, refuses unfinished runs, and cancels them when told to")
    func erase() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.send("test/post", key: "ada@x.org")
            try await probe.send("test/post", key: "bob@x.org")
            let dry = try await nightjar(
                "erase", "--where", "data.key=ada@x.org", "--dry-run", "--json", "--database", database.url)
            #expect(
                dry.status == 0 && dry.output.contains("\"events\":1") && dry.output.contains("\"live_runs\":1"),
                "\(dry.output) \(dry.error)")
            let refused = try await nightjar(
                "erase", "--where", "data.key=ada@x.org", "--yes", "--database", database.url)
            #expect(refused.status == 2 && refused.error.contains("--cancel cancels them first"), "\(refused.error)")
            #expect(try await probe.count("events") == 2)
            let done = try await nightjar(
                "erase", "--where", "data.key=ada@x.org", "--yes", "--cancel", "--database", database.url)
            #expect(
                done.status == 0 && done.output == "1 events and 1 runs are erased.\n", "\(done.output) \(done.error)")
            #expect(try await probe.count("events") == 1)
            let wrong = try await nightjar("erase", "--where", "data.key", "--database", database.url)
            #expect(wrong.status == 64 && wrong.error.contains("--where takes a path and a value"), "\(wrong.error)")
            let nothing = try await nightjar(
                "erase", "--where", "data.key=ada@x.org", "--yes", "--database", database.url)
            #expect(nothing.status == 2 && nothing.output == "Nothing is meant.\n", "\(nothing.output)")
            // A run whose event is gone cannot be recognized, and one that stays unfinished is not waited for for ever.
            try await probe.script("DELETE FROM nightjar.events")
            let unknown = try await nightjar(
                "erase", "--where", "data.key=bob@x.org", "--yes", "--database", database.url)
            #expect(
                unknown.status == 2 && unknown.output.contains("1 runs could not be recognized"), "\(unknown.output)")
            let event = try await probe.value("SELECT event_id FROM nightjar.runs", as: UUID.self)
            let open = PostgresSession(database.configuration, logger: .silent)
            try await open.run { db in try db.script("BEGIN; SELECT FROM nightjar.tenants") }
            let waiting = try await nightjar(
                "erase", "--event", "\(event)", "--yes", "--cancel", "--patience", "1", "--database", database.url)
            #expect(
                waiting.status == 2 && waiting.output.contains("It is not complete: it waits for transactions"),
                "\(waiting.output) \(waiting.error)")
            await open.close()
            await probe.connection.close()
        }
    }
}
