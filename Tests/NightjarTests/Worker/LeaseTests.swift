import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

/// Who may act for a run, and what becomes of what the dead held.
struct LeaseTests {
    struct Job: EventData {
        static let eventName = "test/post"
        var key: String
    }

    @Test("A recorded step is not executed again by the worker that takes the run over")
    func memo() async throws {
        let log = Log()
        let function = Function("post", on: Job.self).run { event, step in
            let a = try await step.run("a") {
                log.add("a"); return 10
            }
            return try await step.run("b") {
                log.add("b"); return a + 1
            }
        }
        try await TestDatabase.with { database in
            let dead = try await Probe(database)
            try await Probe.registerPost(in: database)
            try await dead.send("test/post", key: "k")
            let lease = try #require(try await dead.claim().runs.first?.lease)
            #expect(
                try await !dead.commit([
                    LeasedCommit(lease: lease, tenant: 1, steps: [.done("a", output: "41")], next: .run(.keep))
                ]).isEmpty)
            try await dead.markDead(dead.session)

            try await RunningWorker.with([function], in: database, app: Probe.queueName) { client in
                let outcome = try await client.outcome(of: lease.run)
                #expect(outcome == .completed(output: "42"))
            }
            #expect(log.lines == ["b"])
            // The one that was thought dead wakes up, and is refused.
            #expect(try await !dead.recordStep("b", under: lease))
            #expect(try await !dead.complete(lease))
            #expect(try await dead.violations() == [])
        }
    }

    @Test("A run that its workers die of fails at the limit, and says why; before it is handed back")
    func poison() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let watcher = try await Probe(database)
            try await watcher.send("test/post", key: "k")
            for death in 1...3 {
                let victim = try await Probe(database)
                // From the second death on it comes back after a moment.
                try await watcher.script("UPDATE nightjar.live SET due_at = now() WHERE due_at IS NOT NULL")
                #expect(try await victim.claim().runs.count == 1)
                try await victim.markDead(victim.session)
                #expect(try await watcher.reap(deathLimit: 3) == (death < 3 ? 1 : 0))
            }
            let (status, message) = try await watcher.run { db in
                let row = try db.query("SELECT status, error ->> 'message' FROM nightjar.run_status")[0]
                return (try row.decode(0, as: String.self), try row.decode(1, as: String.self))
            }
            #expect(status == "failed")
            #expect(message.contains("3 workers"))
            #expect(try await watcher.violations() == [])
        }
    }

    @Test("A run that gets on is forgiven: only deaths without any record between them count")
    func forgiven() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let watcher = try await Probe(database)
            try await watcher.send("test/post", key: "k")
            for death in 1...4 {
                let victim = try await Probe(database)
                try await watcher.script("UPDATE nightjar.live SET due_at = now() WHERE due_at IS NOT NULL")
                let lease = try #require(try await victim.claim().runs.first?.lease)
                #expect(try await victim.recordStep("step \(death)", under: lease))
                try await victim.markDead(victim.session)
                #expect(try await watcher.reap(deathLimit: 2) == 1)
            }
            #expect(try await watcher.violations() == [])
        }
    }

    @Test("A run whose event cannot be read fails, and keeps nobody else from running")
    func unreadable() async throws {
        let log = Log()
        let function = Function("post", on: Job.self).run { event, step in
            try await step.run("work") { log.add(event.data.key) }
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let probe = try await Probe(database)
                try await probe.script("ALTER TABLE nightjar.events DROP CONSTRAINT event_ts_range")
                let lost = try await client.send(Job(key: "lost"), at: Date(timeIntervalSinceNow: 1))
                let ancient = try await probe.value(
                    "SELECT nightjar.send('test/post', '{\"key\": \"ancient\"}', ts => '-infinity')", as: String.self)
                try await probe.run { db in
                    _ = try db.execute("DELETE FROM nightjar.events WHERE event_id = $1", [UUID(uuidString: lost)])
                }
                try await client.send((0..<20).map { try NewEvent(Job(key: "\($0)")) })
                try await eventually("all others ran") { log.lines.count == 20 }
                for event in [lost, ancient] {
                    let run = try #require(try await client.runs(startedBy: event).first?.id)
                    guard case .failed(let error) = try await client.outcome(of: run) else {
                        Issue.record("\(event) did not fail")
                        continue
                    }
                    #expect(error.message.contains("cannot be read"))
                }
            }
        }
    }

    @Test("A lease of another epoch or another session is worth nothing")
    func fence() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let one = try await Probe(database)
            let two = try await Probe(database)
            try await one.send("test/post", key: "k")
            let lease = try #require(try await one.claim().runs.first?.lease)
            var other = lease
            other.session = two.session
            var later = lease
            later.epoch += 1
            for wrong in [other, later] {
                #expect(try await !one.complete(wrong))
                #expect(try await !one.park(wrong, until: .now))
                #expect(try await !one.recordStep("x", under: wrong))
            }
            #expect(try await one.complete(lease))
            #expect(try await !one.complete(lease), "an outcome is written once")
            #expect(try await one.violations() == [])
        }
    }

    @Test("Batches over the same runs in any order, a bulk cancel and the reaper do not deadlock")
    func lockOrder() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probes = try await withThrowingTaskGroup(of: Probe.self) { group in
                for _ in 0..<4 { group.addTask { try await Probe(database) } }
                return try await group.reduce(into: [Probe]()) { $0.append($1) }
            }
            let holder = probes[0]
            for round in 0..<15 {
                for number in 0..<40 { try await holder.send("test/post", key: "r\(round) n\(number)") }
                let leases = try await holder.claim(limit: 100).runs.map(\.lease)
                #expect(leases.count == 40)
                // Their session dies while they are committed.
                try await holder.markDead(holder.session)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        let commits = leases.shuffled().map {
                            LeasedCommit(lease: $0, tenant: 1, steps: [.done("a")], next: .run(.keep))
                        }
                        _ = try await probes[1].commit(commits)
                    }
                    group.addTask {
                        let commits = leases.shuffled().map {
                            LeasedCommit(lease: $0, next: .run(.end(.completed(output: "1"))))
                        }
                        _ = try await probes[2].commit(commits)
                    }
                    group.addTask { try await holder.reap() }
                    group.addTask {
                        let ids = leases.shuffled().map(\.run)
                        _ = try await probes[3].run { db in
                            try db.query(
                                "SELECT count(*) FROM nightjar.cancel_runs($1, array_fill('{\"kind\": \"manual\"}'::jsonb, ARRAY[40]), true)",
                                [ids]
                            ).count
                        }
                    }
                    try await group.waitForAll()
                }
                try await holder.run { db in
                    _ = try db.query(
                        """
                        SELECT nightjar.cancel_runs(array_agg(run_id), array_agg('{"kind": "manual"}'::jsonb), true)
                        FROM nightjar.live
                        """)
                    _ = try db.execute("UPDATE nightjar.sessions SET dead = false")
                }
            }
            let deadlocks = try await holder.value(
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()", as: Int64.self)
            #expect(deadlocks == 0)
            #expect(try await holder.violations() == [])
        }
    }

    @Test("Two batches over the same runs that meet a locked row do not lock each other out")
    func lockedRowBetweenBatches() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let worker = try await Probe(database)
            let batches = [try await Probe(database), try await Probe(database)]
            var pids: [Int32] = []
            for batch in batches { pids.append(try await batch.value("SELECT pg_backend_pid()")) }
            let user = try await Probe(database)
            for number in 0..<40 { try await worker.send("test/post", key: "n\(number)") }
            let leases = try await worker.claim(limit: 100).runs.map(\.lease)
            #expect(leases.count == 40)
            try await user.script("BEGIN")
            _ = try await user.value(
                "SELECT epoch FROM nightjar.live WHERE run_id = $1 FOR UPDATE", [leases[20].run], as: Int32.self)

            let done = Log()
            let tasks = batches.map { batch in
                Task {
                    let commits = leases.shuffled().map {
                        LeasedCommit(lease: $0, tenant: 1, steps: [.done("s\(UUID())")], next: .run(.keep))
                    }
                    done.add("\(try await batch.commit(commits).count)")
                }
            }
            try await eventually("each is done, or waits") {
                let waiting = try await user.value(
                    "SELECT count(*) FROM unnest($1::int[]) p WHERE cardinality(pg_blocking_pids(p)) > 0", [pids],
                    as: Int64.self)
                return done.lines.count + Int(waiting) == 2
            }
            try await user.script("COMMIT")
            for task in tasks { try await task.value }
            let deadlocks = try await user.value(
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()", as: Int64.self)
            #expect(deadlocks == 0)
        }
    }

    @Test(
        "An open transaction of somebody else stops no worker: neither claims, nor commits, nor cancels of other runs")
    func openTransaction() async throws {
        let blog = Blog()
        try await TestDatabase.with { database in
            try await RunningWorker.with([blog.publishPost], in: database) { client in
                try await client.send(PostScheduled(postID: "held", scheduledAt: .distantFuture))
                let user = try await Probe(database)
                try await eventually("it sleeps") {
                    try await user.value("SELECT count(*) FROM nightjar.live WHERE state = 2", as: Int64.self) == 1
                }
                // Cancels a sleeping run inside a transaction that stays open, and so holds its row.
                try await user.script("BEGIN")
                _ = try await user.run { db in try Client.send([NewEvent(PostCancelled(postID: "held"))], in: db) }
                try await client.send(PostCancelled(postID: "held"))
                for number in 0..<50 {
                    try await client.send(PostScheduled(postID: "n\(number)", scheduledAt: .distantPast))
                }
                try await eventually("all others are published") { blog.published.count == 50 }
                try await client.send(PostScheduled(postID: "late", scheduledAt: .distantFuture))
                try await client.send(PostCancelled(postID: "late"))
                let watcher = try await Probe(database)
                try await eventually("the other cancel lands") {
                    try await watcher.value("SELECT count(*) FROM nightjar.outcomes WHERE status = 3", as: Int64.self)
                        == 1
                }
                try await user.script("ROLLBACK")
                try await eventually("now the held one too, by the other event") {
                    try await watcher.value("SELECT count(*) FROM nightjar.outcomes WHERE status = 3", as: Int64.self)
                        == 2
                }
                #expect(try await watcher.violations() == [])
            }
        }
    }

    @Test("A leased row that somebody else locks holds up no other run's commits; its own goes through afterwards")
    func lockedRow() async throws {
        let release = Signal()
        let started = Signal()
        let log = Log()
        let function = Function("post", on: Job.self).run { event, step in
            try await step.run("work") {
                if event.data.key == "locked" {
                    started.set()
                    try await release.wait()
                }
                log.add(event.data.key)
            }
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let event = try await client.send(Job(key: "locked"))
                let run = try #require(try await client.runs(startedBy: event).first?.id)
                try await started.wait()
                let user = try await Probe(database)
                try await user.script("BEGIN")
                _ = try await user.value(
                    "SELECT epoch FROM nightjar.live WHERE run_id = $1 FOR UPDATE", [run], as: Int32.self)
                release.set()
                try await client.send((0..<50).map { try NewEvent(Job(key: "other \($0)")) })
                let watcher = try await Probe(database)
                try await eventually("all others are completed") {
                    try await watcher.value("SELECT count(*) FROM nightjar.outcomes WHERE status = 1", as: Int64.self)
                        == 50
                }
                let status = try await client.run(run)?.status
                #expect(status == .running)
                try await user.script("ROLLBACK")
                let outcome = try await client.outcome(of: run)
                #expect(outcome == .completed(output: "null"))
                #expect(log.lines.count == 51, "nothing is executed twice")
            }
        }
    }

    @Test("A committed cancel wins over the reaper's verdict, too")
    func reapedAndCancelled() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let victim = try await Probe(database)
            let watcher = try await Probe(database)
            try await watcher.send("test/post", key: "k")
            let run = try #require(try await victim.claim().runs.first?.lease.run)
            try await watcher.send("test/cancel", key: "k")
            try await watcher.markDead(victim.session)
            try await watcher.reap(deathLimit: 1)
            #expect(try await watcher.claim().runs.isEmpty)
            try await watcher.applyPending()
            #expect(try await watcher.status(of: run) == "cancelled")
            #expect(try await watcher.violations() == [])
        }
    }

    @Test("A session that is dead or gone leases nothing")
    func deadSession() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.send("test/post", key: "k")
            try await probe.markDead(probe.session)
            #expect(try await probe.claim().runs.isEmpty)
            try await probe.script("DELETE FROM nightjar.sessions")
            #expect(try await probe.claim().runs.isEmpty)
            #expect(try await probe.runs(key: "k").map(\.status) == ["queued"])
        }
    }

    @Test("A lease of which the worker does not know is handed back: the answer to its claim was lost")
    func lostClaim() async throws {
        let log = Log()
        let function = Function("post", on: Job.self).run { event, step in
            try await step.run("work") { log.add(event.data.key) }
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let probe = try await Probe(database)
                // A run that sleeps for ever, leased by hand in the name of the worker's session.
                try await client.send(Job(key: "lost"), at: Date(timeIntervalSinceNow: 3_600))
                try await probe.run { db in
                    _ = try db.execute(
                        """
                        UPDATE nightjar.live SET state = 1, due_at = NULL, epoch = 1,
                               session_id = (SELECT session_id FROM nightjar.sessions WHERE name LIKE 'test %' AND NOT dead)
                        """)
                }
                try await eventually("it is executed after all") { log.lines == ["lost"] }
            }
        }
    }

    @Test("A graceful shutdown lets steps finish and hands the rest back")
    func shutdown() async throws {
        let started = Signal()
        let release = Signal()
        let log = Log()
        let function = Function("post", on: Job.self).run { event, step in
            try await step.run("work") {
                if event.data.key == "slow" {
                    started.set()
                    try await release.wait()
                }
                log.add(event.data.key)
            }
        }
        try await TestDatabase.with { database in
            var configuration = WorkerConfiguration()
            configuration.concurrency = 1
            let engineHolder = try await WorkerEngine.forTest(
                [function], database: database, app: "shutdown", configuration: configuration)
            let client = Client(database: database.configuration, logger: .silent)
            try await client.send(Job(key: "slow"))
            async let running: Void = engineHolder.run()
            try await started.wait()
            try await client.send((0..<10).map { try NewEvent(Job(key: "later \($0)")) })
            engineHolder.shutDown()
            release.set()
            try await running
            #expect(log.lines == ["slow"])
            let watcher = try await Probe(database)
            #expect(try await watcher.value("SELECT count(*) FROM nightjar.live WHERE state = 0", as: Int64.self) == 10)
            #expect(
                try await watcher.value(
                    "SELECT count(*) FROM nightjar.sessions WHERE name LIKE 'shutdown%' AND NOT dead", as: Int64.self)
                    == 0)
            #expect(try await watcher.violations() == [])
            await client.close()
        }
    }
}

extension WorkerEngine {
    /// A worker's engine without the worker around it.
    static func forTest(
        _ functions: [FunctionDefinition], database: TestDatabase, app: String, configuration: WorkerConfiguration
    ) async throws -> WorkerEngine {
        let engineDatabase = database.configuration.forEngine(name: "test")
        let pool = PostgresPool(engineDatabase, logger: .silent)
        let all = try Registration.check(functions)
        let registration = try await pool.transaction { db in try Registration.make(db, app: app, functions: all) }
        return WorkerEngine(
            app: app, registration: registration, pool: pool, database: engineDatabase, configuration: configuration,
            logger: .silent)
    }
}
