import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

@Suite("nightjar cancel and cancellations", .serialized, .timeLimit(.minutes(3)))
struct CancelCommandTests {
    @Test("with --wait it ends when the step has ended, or says which does not")
    func waits() async throws {
        let (started, release) = (Signal(), Signal())
        let function = Function("post", on: TestJob.self).run { _, step in
            try await step.run("work") {
                started.set()
                // In a task of its own, which knows nothing of the step's cancellation.
                try await Task { try await release.wait(within: .seconds(300)) }.value
            }
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let run = try #require(try await client.runs(startedBy: client.send(TestJob(key: "k"))).first?.id)
                try await started.wait()
                let first = try await nightjar(
                    "cancel", run.uuidString, "--reason", "wrong price", "--actor", "ada", "--database", database.url)
                #expect(first.status == 0)
                try await eventually("the worker tells which step executes") {
                    try await client.run(run)?.cause?.executing == ["work"]
                }
                let shown = try await nightjar("run", run.uuidString, "--database", database.url)
                #expect(shown.output.contains("cause     by hand: ada\n"), "\(shown.output)")
                #expect(shown.output.contains("reason    wrong price"), "\(shown.output)")
                #expect(shown.output.contains("executing work, in worker test "), "\(shown.output)")
                #expect(shown.output.contains("stopped   not yet: it executes"), "\(shown.output)")
                let wait = [
                    "cancel", run.uuidString, "--wait", "--timeout", "0.1s", "--database", database.url,
                ]
                let text = try await RunningProgram("nightjar", wait).end()
                #expect(text.status == 2)
                #expect(text.output.contains("but step work still executes"), "\(text.output)")
                let again = try await RunningProgram("nightjar", wait + ["--json"]).end()
                let answer = try #require(try again.json().first)
                #expect(again.status == 2)
                #expect(answer["answer"] == "ended")
                #expect(answer["status"] == "cancelled")
                #expect(answer["stopped"] == false)
                #expect(answer["executing"]?["steps"] == ["work"])
                #expect(answer["executing"]?.object?.keys.sorted() == ["since", "steps", "told_at", "worker"])

                release.set()
                guard case .stopped = try await client.waitUntilStopped(run) else {
                    Issue.record("it has not stopped")
                    return
                }
                let end = try #require(
                    try await nightjar("run", run.uuidString, "--json", "--database", database.url).json().first)
                #expect(end["interruption"]?["steps"] == ["work"])
                #expect(end["interruption"]?["ended_at"]?.string?.hasSuffix("Z") == true)
                #expect(end["run"]?["cause"]?["executing"] == ["work"])
                #expect(end["run"]?["cause"]?["reason"] == "wrong price")
            }
        }
    }

    @Test("a run that stops is told so")
    func stops() async throws {
        try await withRuns(["k"]) { probe, url in
            let id = try #require(try await probe.runs(key: "k").first?.id)
            let result = try await nightjar("cancel", id.uuidString, "--wait", "--database", url)
            #expect(result.status == 0)
            #expect(result.output == "Cancelled, and nothing of it executes any more.\n")
        }
    }

    @Test("many: a dry run counts and lists what the real one cancels, and changes nothing")
    func dryRun() async throws {
        try await withRuns(["a1", "a2", "b1"]) { probe, url in
            let filter = ["--function", "post", "--status", "queued", "--if", "event.data.key.startsWith('a')"]
            func run(_ more: String...) async throws -> RunningProgram.Result {
                try await RunningProgram("nightjar", ["cancel", "--database", url] + filter + more).end()
            }
            let text = try await run("--dry-run", "--limit", "1")
            #expect(text.status == 0)
            #expect(text.output.hasPrefix("2 unfinished runs are meant:\nRUN "), "\(text.output)")
            #expect(
                text.output.hasSuffix("… and 1 more\nNothing was cancelled: this was a dry run.\n"), "\(text.output)")
            let dry = try #require(try await run("--dry-run", "--json").json().first)
            #expect(dry["total"] == 2)
            let ids = try #require(dry["would_cancel"]?.array).map { $0["id"]?.string }
            #expect(ids == (try await probe.ids(["a1", "a2"])))
            #expect(try await probe.value("SELECT count(*) FROM nightjar.live", as: Int64.self) == 3)
            #expect(try await nightjar("cancellations", "--database", url).status == 2)

            let real = try await run("--reason", "stale", "--actor", "ada", "--json")
            #expect(real.status == 0)
            let request = try #require(try real.json().first)
            #expect(
                request.object?.keys.sorted() == [
                    "actor", "advanced_at", "app", "asked_at", "cancelled", "created_after", "created_before",
                    "ended_at",
                    "examined", "function", "id", "if", "includes_new", "path", "reason", "requested", "state",
                    "statuses",
                ])
            #expect(request["state"] == "done")
            #expect(request["cancelled"] == 2)
            #expect(request["actor"] == "ada")
            #expect(try await probe.runs(key: "b1").map(\.status) == ["queued"])
            #expect(try await run("--json").status == 2, "there is nothing left")

            let id = try #require(request["id"]?.string)
            let listed = try await nightjar("cancellations", "--json", "--database", url)
            #expect(try listed.json() == [request])
            let table = try await nightjar("cancellations", "--database", url)
            #expect(table.output.contains(id))
            #expect(table.output.contains("--function post --status queued --if \"event.data.key.startsWith('a')\""))
            let one = try await nightjar("cancellations", id, "--watch", "--database", url)
            #expect(one.status == 0)
            #expect(one.output.contains("by ada: stale"))
            #expect(one.output.contains("Done: 3 looked at, 2 cancelled."))
        }
    }

    @Test(
        "many: on a terminal somebody is asked, and may say no",
        arguments: [("y\n", true), ("\n", false), ("no\n", false)])
    func asks(answer: String, isYes: Bool) async throws {
        try await withRuns(["k"]) { probe, url in
            let program = try RunningProgram(
                "nightjar", ["cancel", "--all", "--database", url], input: answer, terminal: true)
            let result = try await program.end()
            #expect(result.error.contains("Cancel it? [y/N]"), "\(result.error)")
            #expect(result.status == (isYes ? 0 : 2))
            #expect(try await probe.runs(key: "k").map(\.status) == [isYes ? "cancelled" : "queued"])

            let unasked = try RunningProgram(
                "nightjar", ["cancel", "--all", "--yes", "--database", url], input: nil, terminal: true)
            #expect(try await unasked.end().status == (isYes ? 2 : 0))
        }
    }

    @Test("many: Ctrl-C interrupts the request, which goes on when it is resumed")
    func interrupted() async throws {
        try await withRuns(["a", "b"]) { probe, url in
            let holder = try await Probe(probe.database)
            try await probe.script("UPDATE nightjar.live SET state = 1, session_id = '\(holder.session)'")
            // A leased run's cancel is noted there: the request hangs in its first transaction.
            try await holder.script("BEGIN; LOCK TABLE nightjar.interruptions IN SHARE MODE")
            let program = try RunningProgram("nightjar", ["cancel", "--all", "--yes", "--database", url], input: nil)
            try await eventually("the request hangs") {
                try await probe.value(
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'nightjar.interruptions'::regclass AND NOT granted)",
                    as: Bool.self)
            }
            program.signal(SIGINT)
            let result = try await program.end()
            try await holder.script("ROLLBACK")
            #expect(result.status == 2, "\(result.error)")
            #expect(result.output.contains("Interrupted: 0 looked at, 0 cancelled."), "\(result.output)")
            let request = try #require(
                try await nightjar("cancellations", "--json", "--database", url).json().first?["id"]?.string)
            #expect(result.output.contains("nightjar cancel --resume \(request)"))
            #expect(try await probe.runs(key: "a").map(\.status) == ["running"])

            let resumed = try await nightjar("cancel", "--resume", request, "--database", url)
            #expect(resumed.status == 0, "\(resumed.error)")
            #expect(resumed.output == "Done: 2 looked at, 2 cancelled.\n")
            #expect(try await probe.violations() == [])
        }
    }

    @Test("many: left to the workers, interrupted from elsewhere, and carried out after all")
    func detached() async throws {
        try await withRuns(["a"]) { probe, url in
            let asked = try await nightjar(
                "cancel", "--all", "--include-new", "--yes", "--detach", "--json", "--database", url)
            let request = try #require(try asked.json().first)
            let id = try #require(request["id"]?.string)
            #expect(asked.status == 0)
            #expect(request["state"] == "running")
            #expect(request["includes_new"] == true)
            let interrupted = try await nightjar("cancel", "--interrupt", id, "--database", url)
            #expect(interrupted.status == 0)
            #expect(interrupted.output.contains("Interrupted"))
            #expect(try await nightjar("cancellations", id, "--watch", "--database", url).status == 2)
            try await probe.send("test/post", key: "new")
            let resumed = try await nightjar("cancel", "--resume", id, "--json", "--database", url)
            #expect(try resumed.json().first?["cancelled"] == 2)
            #expect(try await nightjar("cancel", "--interrupt", id, "--database", url).status == 2, "it is done")
        }
    }

    @Test(
        "what is not meant seriously is refused before the database is asked",
        arguments: [
            [], ["--dry-run"], ["--all", "0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58"], ["--function", "f", "--wait"],
            ["--status", "failed"], ["--all", "--limit", "0"], ["--after", "soon"], ["nonsense"],
            ["--resume", "0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58", "--all"],
            ["0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58", "--wait", "--timeout", "soon"],
            ["0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58", "--dry-run"],
        ])
    func usage(arguments: [String]) async throws {
        let program = try RunningProgram(
            "nightjar", ["cancel", "--database", "postgres:///none?host=/none"] + arguments)
        let result = try await program.end()
        #expect(result.status == 64)
        #expect(!result.error.isEmpty)
    }

    @Test("a wrong expression is shown with the place; a function that nobody has is named")
    func wrongFilters() async throws {
        try await withRuns(["a"]) { probe, url in
            let wrong = try await nightjar("cancel", "--if", "event.data.key = 'a'", "--yes", "--database", url)
            #expect(wrong.status == 64)
            #expect(wrong.error.contains("character 16"), "\(wrong.error)")
            #expect(wrong.error.contains("\n                 ^"), "\(wrong.error)")
            let unknown = try await nightjar("cancel", "--function", "psot", "--yes", "--database", url)
            #expect(unknown.status == 2)
            #expect(unknown.error.contains("There are: probe/post."), "\(unknown.error)")
            let id = UUID().uuidString
            #expect(try await nightjar("cancel", "--resume", id, "--database", url).status == 2)
            #expect(try await nightjar("cancellations", id, "--database", url).status == 2)
            #expect(try await probe.runs(key: "a").map(\.status) == ["queued"])
        }
    }

    private func withRuns(_ keys: [String], _ body: @Sendable (Probe, String) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            for key in keys { try await probe.send("test/post", key: key) }
            try await body(probe, database.url)
        }
    }
}

extension Probe {
    fileprivate func ids(_ keys: [String]) async throws -> [String] {
        var ids: [String] = []
        for key in keys { ids += try await runs(key: key).map { $0.id.uuidString.lowercased() } }
        return ids
    }
}
