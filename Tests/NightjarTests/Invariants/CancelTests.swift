import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// What a cancel promises, against a worker that does its best to publish.
struct CancelTests {
    private static let times = 1_000
    private let soon = Date(timeIntervalSinceNow: 3)

    @Test("A thousand times: schedule, acknowledged, cancel: none publishes")
    func cancelAfterAcknowledgement() async throws {
        let blog = Blog()
        try await TestDatabase.with { database in
            try await RunningWorker.with([blog.publishPost], in: database) { client in
                try await inParallel { number in
                    // Far enough ahead that no slow machine publishes between the two.
                    let later = Date(timeIntervalSinceNow: 60)
                    try await client.send(PostScheduled(postID: "p\(number)", scheduledAt: later))
                    try await client.send(PostCancelled(postID: "p\(number)"))
                }
                try await Self.expect(["cancelled": Self.times], in: database)
            }
        }
        #expect(blog.published == [])
    }

    @Test("A thousand times: scheduled and cancelled in one statement: none begins")
    func cancelInOneStatement() async throws {
        let blog = Blog()
        try await TestDatabase.with { database in
            try await RunningWorker.with([blog.publishPost], in: database) { client in
                try await inParallel { number in
                    try await client.send([
                        NewEvent(PostScheduled(postID: "p\(number)", scheduledAt: .distantPast)),
                        NewEvent(PostCancelled(postID: "p\(number)")),
                    ])
                }
                try await Self.expect(["cancelled": Self.times], in: database)
                let probe = try await Probe(database)
                let begun = try await probe.value(
                    "SELECT count(*) FROM nightjar.outcomes WHERE started_at IS NOT NULL", as: Int64.self)
                #expect(begun == 0)
            }
        }
        #expect(blog.published == [])
    }

    @Test("Two open transactions, committed in either order: the later event cancels", arguments: [true, false])
    func cancelInConcurrentTransactions(cancelCommitsFirst: Bool) async throws {
        let blog = Blog()
        try await TestDatabase.with { database in
            try await RunningWorker.with([blog.publishPost], in: database) { _ in
                try await inParallel { numbers, lane in
                    let one = try await Probe(database)
                    let two = try await Probe(database)
                    for number in numbers {
                        try await one.script("BEGIN")
                        try await two.script("BEGIN")
                        // Due at once, so that whoever loses the cancel publishes; but where the trigger commits first, a
                        // run that is due might rightly end before the cancel is there.
                        let due = cancelCommitsFirst ? Date.distantPast : Date(timeIntervalSinceNow: 60)
                        _ = try await one.run { db in
                            try Client.send(
                                [NewEvent(PostScheduled(postID: "p\(number)", scheduledAt: due))], in: db)
                        }
                        _ = try await two.run { db in
                            try Client.send([NewEvent(PostCancelled(postID: "p\(number)"))], in: db)
                        }
                        for probe in cancelCommitsFirst ? [two, one] : [one, two] { try await probe.script("COMMIT") }
                    }
                    await one.connection.close()
                    await two.connection.close()
                }
                try await Self.expect(["cancelled": Self.times], in: database)
            }
        }
        #expect(blog.published == [])
    }

    @Test("A thousand times: schedule, cancel, schedule again: the newer run lives, and publishes once")
    func reschedule() async throws {
        let blog = Blog()
        try await TestDatabase.with { database in
            try await RunningWorker.with([blog.publishPost], in: database) { client in
                try await inParallel { number in
                    try await client.send(PostScheduled(postID: "p\(number)", scheduledAt: .distantFuture))
                    try await client.send(PostCancelled(postID: "p\(number)"))
                    try await client.send(PostScheduled(postID: "p\(number)", scheduledAt: soon))
                }
                try await Self.expect(["cancelled": Self.times, "completed": Self.times], in: database)
            }
        }
        #expect(blog.published.sorted() == (0..<Self.times).map { "p\($0)" }.sorted())
    }

    @Test("A newer schedule replaces the older one, without a cancel between")
    func replace() async throws {
        let blog = Blog()
        try await TestDatabase.with { database in
            try await RunningWorker.with([blog.publishPost], in: database) { client in
                try await inParallel { number in
                    try await client.send(PostScheduled(postID: "p\(number)", scheduledAt: .distantFuture))
                    try await client.send(PostScheduled(postID: "p\(number)", scheduledAt: soon))
                }
                try await Self.expect(["cancelled": Self.times, "completed": Self.times], in: database)
            }
        }
        #expect(blog.published.count == Self.times)
    }

    @Test("A cancel hits a run in every state", arguments: ["queued", "scheduled", "sleeping", "retrying", "running"])
    func everyState(state: String) async throws {
        struct Flaky: Error {}
        let started = Signal()
        let cancelled = Signal()
        let function = Function("work", on: PostScheduled.self)
            .cancelOn(PostCancelled.self, match: \.postID)
            .retries(RetryPolicy(maxRetries: 3, backoff: .constant(.seconds(3_600))))
            .run { event, step in
                switch state {
                case "sleeping": try await step.sleep("long", for: .seconds(3_600))
                case "retrying": try await step.run("flaky") { throw Flaky() }
                default:
                    try await step.run("endless") {
                        started.set()
                        await cancelled.untilCancelled()
                    }
                }
            }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            if state == "queued" {
                try await RunningWorker.with([function], in: database) { _ in }
            }
            @Sendable func body(_ client: Client) async throws {
                let at: Date? = state == "scheduled" ? Date(timeIntervalSinceNow: 3_600) : nil
                let event = try await client.send(PostScheduled(postID: "p", scheduledAt: .distantPast), at: at)
                let run = try #require(try await client.runs(startedBy: event).first?.id)
                if state == "running" { try await started.wait() }
                try await eventually("the run is \(state)") { try await client.run(run)?.status.rawValue == state }
                try await client.send(PostCancelled(postID: "p"))
                if state == "running" { try await cancelled.wait() }
                try await eventually("the run is cancelled") { try await client.run(run)?.status == .cancelled }
                let cause = try #require(try await client.run(run)?.cause)
                #expect(cause.kind == .event)
                #expect(cause.was == state)
                #expect(try await probe.violations() == [])
            }
            if state == "queued" {
                let client = Client(database: database.configuration, logger: .silent)
                try await body(client)
                await client.close()
            } else {
                try await RunningWorker.with([function], in: database) { try await body($0) }
            }
        }
    }

    @Test("By hand: a run is cancelled wherever it is, and says by whom")
    func byHand() async throws {
        let started = Signal()
        let cancelled = Signal()
        let function = Function("work", on: PostScheduled.self).run { event, step in
            if event.data.postID == "sleeps" { try await step.sleep("long", for: .seconds(3_600)) }
            try await step.run("endless") {
                started.set()
                await cancelled.untilCancelled()
            }
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let asleep = try await client.send(PostScheduled(postID: "sleeps", scheduledAt: .distantPast))
                let awake = try await client.send(PostScheduled(postID: "works", scheduledAt: .distantPast))
                let sleeping = try #require(try await client.runs(startedBy: asleep).first?.id)
                let running = try #require(try await client.runs(startedBy: awake).first?.id)
                try await eventually("it sleeps") { try await client.run(sleeping)?.status == .sleeping }
                try await started.wait()

                #expect(try await client.cancel(sleeping, actor: "ada") == .cancelled)
                #expect(try await client.cancel(running, actor: "ada") == .requested)
                try await cancelled.wait()
                for run in [sleeping, running] {
                    guard case .cancelled = try await client.outcome(of: run) else {
                        Issue.record("not cancelled")
                        continue
                    }
                    #expect(try await client.run(run)?.cause?.actor == "ada")
                    #expect(try await client.cancel(run, actor: "eve") == .ended)
                }
                #expect(try await client.cancel(UUID(), actor: "ada") == .unknown)
            }
        }
    }

    // MARK: - Helpers

    private func inParallel(_ body: @escaping @Sendable (Int) async throws -> Void) async throws {
        try await inParallel { numbers, _ in for number in numbers { try await body(number) } }
    }

    private func inParallel(_ body: @escaping @Sendable ([Int], Int) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<8 {
                group.addTask { try await body(Array(stride(from: lane, to: Self.times, by: 8)), lane) }
            }
            try await group.waitForAll()
        }
    }

    private static func expect(_ counts: [String: Int], in database: TestDatabase) async throws {
        let probe = try await Probe(database)
        try await eventually("every run has ended") {
            try await probe.value("SELECT count(*) FROM nightjar.live", as: Int64.self) == 0
        }
        let found = try await probe.run { db in
            try db.query("SELECT status, count(*) FROM nightjar.run_status GROUP BY 1").map {
                (try $0.decode(0, as: String.self), Int(try $0.decode(1, as: Int64.self)))
            }
        }
        #expect(Dictionary(uniqueKeysWithValues: found) == counts)
        #expect(try await probe.violations() == [])
        await probe.connection.close()
    }
}
