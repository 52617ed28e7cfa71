import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// Many runs are cancelled by what they have in common: what a preview shows, and nothing else.
@Suite("A cancel of many runs", .timeLimit(.minutes(3)))
struct BulkCancelTests {
    @Test(
        "hits what its preview shows, whatever the filter, and leaves the rest",
        arguments: [
            (RunFilter(function: "post"), ["a1", "a2", "b1", "b2"]), (RunFilter(function: "note"), ["n1"]),
            (RunFilter(app: "probe"), ["a1", "a2", "b1", "b2"]), (RunFilter(function: "note", app: "other"), ["n1"]),
            (RunFilter(statuses: [.running]), ["b1"]),
            (RunFilter(statuses: [.queued, .scheduled]), ["a1", "a2", "b2", "n1"]),
            (RunFilter(statuses: [.scheduled]), ["b2"]),
            (RunFilter(expression: "event.data.key.startsWith('a')"), ["a1", "a2"]),
            (RunFilter(expression: "event.data.missing == 1 || event.name == 'test/note'"), ["n1"]),
            (RunFilter(function: "post", statuses: [.queued], expression: "!(event.data.key in ['a1'])"), ["a2"]),
            (RunFilter(createdAfter: .distantPast, createdBefore: .distantFuture), ["a1", "a2", "b1", "b2", "n1"]),
            (RunFilter(createdBefore: Date(timeIntervalSince1970: 0)), []), (.all, ["a1", "a2", "b1", "b2", "n1"]),
        ] as [(RunFilter, [String])])
    func filters(filter: RunFilter, keys: [String]) async throws {
        try await withRuns { probe, client in
            let preview = try await client.previewCancel(filter)
            #expect(preview.total == keys.count)
            let shown = try await probe.keys(of: preview.runs.map(\.id))
            #expect(shown == keys)
            #expect(try await probe.keys(cancelled: true) == [])

            let request = try await client.cancelAll(filter, actor: "ada", reason: "test")
            let end = try await client.carryOut(bulkCancel: request.id)
            #expect(end.state == .done)
            #expect(end.cancelled == keys.count)
            #expect(try await probe.keys(cancelled: true) == keys)
            #expect(try await probe.violations() == [])
            if let run = preview.runs.first {
                guard case .cancelled(let cause) = try await client.outcome(of: run.id) else {
                    Issue.record("it was cancelled")
                    return
                }
                #expect(cause.kind == .bulk)
                #expect(cause.bulkID == request.id.uuidString.lowercased())
                #expect(cause.actor == "ada")
                #expect(cause.reason == "test")
                #expect(cause.was == run.status.rawValue)
            }
        }
    }

    @Test("counts all, and lists as many as are wanted, the oldest first")
    func limit() async throws {
        try await withRuns { probe, client in
            let two = try await client.previewCancel(.all, limit: 2)
            #expect(two.total == 5)
            #expect(try await probe.keys(of: two.runs.map(\.id)) == ["a1", "b1"], "b1 was sent first")
            #expect(two.runs.map(\.createdAt) == two.runs.map(\.createdAt).sorted())
            let none = try await client.previewCancel(.all, limit: 0)
            #expect(none.total == 5)
            #expect(none.runs.isEmpty)
        }
    }

    @Test("by creation, to the millisecond")
    func creation() async throws {
        try await withRuns { probe, client in
            let times = try await probe.run { db in
                try db.query("SELECT nightjar.uuid7_time(run_id) FROM nightjar.live ORDER BY run_id").map {
                    try $0.decode(0, as: Date.self)
                }
            }
            let (first, last) = (try #require(times.first), try #require(times.last))
            #expect(try await client.previewCancel(RunFilter(createdAfter: first)).total == 5)
            #expect(try await client.previewCancel(RunFilter(createdBefore: first)).total == 0)
            let after = last.addingTimeInterval(0.001)
            #expect(try await client.previewCancel(RunFilter(createdAfter: after)).total == 0)
            #expect(try await client.previewCancel(RunFilter(createdBefore: after)).total == 5)
        }
    }

    @Test(
        "what means nothing, or all without saying so, is refused before anything is asked",
        arguments: [
            (RunFilter(), .invalidFilter, "RunFilter.all"),
            (RunFilter(statuses: [.queued, .failed]), .invalidFilter, "failed"),
            (RunFilter(expression: "event.data.key = 'a'"), .invalidFilter, "character 16"),
            (RunFilter(expression: "async.data.key == 'a'"), .invalidFilter, "character 1"),
            (RunFilter(function: "psot"), .unknownFunction, "other/note, probe/post"),
            (RunFilter(function: "post", app: "nowhere"), .unknownFunction, "in app \"nowhere\""),
        ] as [(RunFilter, NightjarError.Code, String)])
    func refusals(filter: RunFilter, code: NightjarError.Code, reason: String) async throws {
        try await withRuns { probe, client in
            let preview = await #expect(throws: NightjarError.self) { _ = try await client.previewCancel(filter) }
            #expect(preview?.code == code)
            let error = await #expect(throws: NightjarError.self) {
                _ = try await client.cancelAll(filter, actor: "ada")
            }
            #expect(error?.code == code)
            #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
            let asked = try await probe.value("SELECT count(*) FROM nightjar.bulk_cancels", as: Int64.self)
            #expect(asked == 0)
        }
    }

    @Test("is interrupted between two transactions, and goes on from there")
    func interrupted() async throws {
        try await withMany(2_500) { probe, client in
            let request = try await client.cancelAll(.all, actor: "ada")
            #expect(request.state == .running)
            #expect(request.examined == 0)
            let interrupted = try await client.carryOut(bulkCancel: request.id) { progress in
                if progress.examined == 1_000 { _ = try? await client.interrupt(bulkCancel: request.id) }
            }
            #expect(interrupted.state == .interrupted)
            #expect(interrupted.cancelled == 1_000)
            // Nobody carries it further.
            #expect(try await client.carryOut(bulkCancel: request.id).cancelled == 1_000)
            #expect(try await probe.value("SELECT count(*) FROM nightjar.live", as: Int64.self) == 1_500)

            #expect(try await client.resume(bulkCancel: request.id).state == .running)
            let seen = Log()
            let end = try await client.carryOut(bulkCancel: request.id) { seen.add("\($0.examined)") }
            #expect(end.state == .done)
            #expect(end.cancelled == 2_500)
            #expect(seen.lines == ["2000", "2500"])
            #expect(end.endedAt != nil)
            #expect(try await client.interrupt(bulkCancel: request.id).state == .done)
            #expect(try await client.bulkCancels().map(\.id) == [request.id])
            #expect(try await probe.violations() == [])
        }
    }

    @Test("whoever gives up carrying it out interrupts it, unless it is to go on elsewhere", arguments: [true, false])
    func givenUp(interrupts: Bool) async throws {
        try await withMany(1_500) { probe, client in
            let request = try await client.cancelAll(.all, actor: "ada")
            let begun = Signal()
            let work = Task {
                try await client.carryOut(bulkCancel: request.id, interruptingWhenCancelled: interrupts) { _ in
                    begun.set()
                    await Signal().untilCancelled()
                }
            }
            try await begun.wait()
            work.cancel()
            await #expect(throws: CancellationError.self) { try await work.value }
            let state = try await client.bulkCancel(request.id)?.state
            #expect(state == (interrupts ? .interrupted : .running))
            #expect(try await probe.value("SELECT count(*) FROM nightjar.live", as: Int64.self) == 500)
        }
    }

    @Test("runs that start later are meant only if it says so", arguments: [true, false])
    func newRuns(includingNew: Bool) async throws {
        try await withRuns { probe, client in
            let request = try await client.cancelAll(.all, actor: "ada", includingNew: includingNew)
            try await client.send(TestJob(key: "new"))
            let end = try await client.carryOut(bulkCancel: request.id)
            #expect(end.includesNew == includingNew)
            let new = try await probe.runs(key: "new").map(\.status)
            #expect(new == [includingNew ? "cancelled" : "queued"])
        }
    }

    @Test("a run whose row somebody holds is cancelled as soon as it is free")
    func heldRun() async throws {
        try await withRuns { probe, client in
            let holder = try await Probe(probe.database)
            let held = try #require(try await probe.runs(key: "a1").first?.id)
            try await holder.script("BEGIN; SELECT FROM nightjar.live WHERE run_id = '\(held)' FOR UPDATE")
            let request = try await client.cancelAll(.all, actor: "ada", reason: "test")
            let end = try await client.carryOut(bulkCancel: request.id)
            #expect(end.cancelled == 4)
            #expect(end.requested == 1)
            #expect(try await probe.status(of: held) == "queued")
            try await holder.script("ROLLBACK")
            #expect(try await probe.claim().runs.isEmpty, "its cancel counts already")
            try await probe.applyPending()
            let cause = try #require(try await client.run(held)?.cause)
            #expect(cause.kind == .bulk)
            #expect(cause.actor == "ada")
            #expect(cause.reason == "test")
        }
    }

    @Test("workers carry it out, and tell those who execute")
    func workers() async throws {
        let (started, cancelled) = (Signal(), Signal())
        let function = Function("post", on: TestJob.self).run { _, step in
            try await step.run("work") {
                started.set()
                await cancelled.untilCancelled()
            }
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let run = try #require(try await client.runs(startedBy: client.send(TestJob(key: "k"))).first?.id)
                try await started.wait()
                let request = try await client.cancelAll(RunFilter(function: "post"), actor: "ada")
                try await eventually("a worker carries it out") {
                    try await client.bulkCancel(request.id)?.state == .done
                }
                try await cancelled.wait()
                guard case .stopped(let record) = try await client.waitUntilStopped(run) else {
                    Issue.record("it has not stopped")
                    return
                }
                #expect(record.cause?.kind == .bulk)
            }
        }
    }

    @Test("requests of others are not seen, nor those that do not exist")
    func unknown() async throws {
        try await withRuns { probe, client in
            let request = try await client.cancelAll(.all, actor: "ada")
            var configuration = probe.database.configuration
            configuration.settings["nightjar.tenant"] = "2"
            let other = Client(database: configuration, logger: .silent)
            #expect(try await other.bulkCancels().isEmpty)
            for call in [Client.carryOutQuietly, Client.interruptQuietly, Client.resumeQuietly] {
                let error = await #expect(throws: NightjarError.self) { try await call(other)(request.id) }
                #expect(error?.code == .unknownBulkCancel)
            }
            #expect(try await client.bulkCancel(request.id)?.cancelled == 0)
            await other.close()
        }
    }

    /// The runs a1, a2, b1 (leased), b2 (scheduled) of probe/post, and n1 of other/note.
    private func withRuns(_ body: @Sendable (Probe, Client) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            _ = try await probe.run { db in
                let functions = """
                    [{"name": "note", "options": {}, "triggers": [{"event": "test/note"}], "cancel": []}]
                    """
                _ = try db.query("SELECT nightjar.register('other', $1)", [PostgresJSON(functions)])
            }
            try await probe.send("test/post", key: "b1")
            #expect(try await probe.claim().runs.count == 1)
            for key in ["a1", "a2"] { try await probe.send("test/post", key: key) }
            let client = Client(database: database.configuration, logger: .silent)
            try await client.send([
                NewEvent(name: "test/post", data: ["key": "b2"], at: Date().addingTimeInterval(3_600)),
                NewEvent(name: "test/note", data: ["key": "n1"]),
            ])
            try await body(probe, client)
            await client.close()
        }
    }

    private func withMany(_ count: Int, _ body: @Sendable (Probe, Client) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.script(
                """
                INSERT INTO nightjar.events (name, data)
                SELECT 'test/post', jsonb_build_object('key', n::text) FROM generate_series(1, \(count)) n
                """)
            let client = Client(database: database.configuration, logger: .silent)
            try await body(probe, client)
            await client.close()
        }
    }
}

extension Probe {
    /// The keys of the events that started these runs, in the order of the alphabet.
    fileprivate func keys(of runs: [UUID]) async throws -> [String] {
        try await keys(where: "r.run_id = ANY ($1)", runs)
    }

    fileprivate func keys(cancelled: Bool) async throws -> [String] {
        try await keys(where: "(r.status = 'cancelled') = $1", cancelled)
    }

    private func keys(where condition: String, _ parameter: any PostgresEncodable) async throws -> [String] {
        try await run { db in
            try db.query(
                """
                SELECT e.data ->> 'key' FROM nightjar.run_status r JOIN nightjar.events e USING (event_id)
                WHERE \(condition) ORDER BY 1
                """, [parameter]
            ).map { try $0.decode(0) }
        }
    }
}

extension Client {
    fileprivate func carryOutQuietly(_ id: UUID) async throws { try await carryOut(bulkCancel: id) }
    fileprivate func interruptQuietly(_ id: UUID) async throws { try await interrupt(bulkCancel: id) }
    fileprivate func resumeQuietly(_ id: UUID) async throws { try await resume(bulkCancel: id) }
}
