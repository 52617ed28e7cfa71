import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// Who waits for whom: see docs/lock-protocol.md.
struct LockTests {
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
        let job = HeldJob(key: "locked")
        try await TestDatabase.with { database in
            try await RunningWorker.with([job.function], in: database) { client in
                let event = try await client.send(TestJob(key: "locked"))
                let run = try #require(try await client.runs(startedBy: event).first?.id)
                try await job.started.wait()
                let user = try await Probe(database)
                try await user.script("BEGIN")
                _ = try await user.value(
                    "SELECT epoch FROM nightjar.live WHERE run_id = $1 FOR UPDATE", [run], as: Int32.self)
                job.release.set()
                try await client.send((0..<50).map { try NewEvent(TestJob(key: "other \($0)")) })
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
                #expect(job.log.lines.count == 51, "nothing is executed twice")
            }
        }
    }
}
