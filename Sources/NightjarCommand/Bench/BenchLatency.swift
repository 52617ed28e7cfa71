import ArgumentParser
import Foundation
import Nightjar

/// `nightjar bench latency`
struct BenchLatency: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "latency",
        abstract: "How long from sending to the first step, step to step, due to begun, a cancel to its effect.",
        discussion: """
            Beside them, as the reference: a page flushed to disk, an INSERT and its commit, a NOTIFY and its arrival.

            A step begins when the record of the one before is durable, so step to step holds a commit. What a cancel \
            takes is counted from the commit of its event, by the server's own commit timestamps, which are read after \
            the last measurement: nothing watches meanwhile. On a server of yours without track_commit_timestamp it is \
            counted from the acknowledgement instead, and the run's end is not told. Its clock should be this machine's.
            """)

    @OptionGroup var options: BenchOptions

    @Option(help: "How many runs of each kind, one after the other.")
    var runs = 500

    @Option(help: "How many sleeps fall due.")
    var sleeps = 1_000

    @Option(help: "Over how many seconds these are spread.")
    var spread = 20.0

    struct Pair: EventData {
        static let eventName = "bench/pair"
        var n: Int
    }
    struct Nap: EventData {
        static let eventName = "bench/nap"
        var due: Date
    }
    struct Endless: EventData {
        static let eventName = "bench/endless"
        var n: Int
    }
    struct Stop: EventData {
        static let eventName = "bench/stop"
        var n: Int
    }

    func validate() throws {
        guard runs > 0, sleeps >= 0, spread >= 0 else {
            throw ValidationError("--runs must be more than 0, --sleeps and --spread not less")
        }
    }

    func execute() async throws -> ExitStatus {
        try await BenchArena.with(options, settings: ["track_commit_timestamp": "on"]) { arena in
            let journal = LatencyJournal()
            let client = Client(database: arena.database, logger: .quiet)
            let reference = try await LatencyReference(arena: arena, count: runs).figures()
            let (runs, cancels) = (runs, min(runs, 200))
            let sent = try await arena.withWorker(Self.functions(journal)) {
                // The first ones warm caches and plans up.
                _ = try await sendPairs(-20..<0, client, journal)
                let sent = try await sendPairs(0..<runs, client, journal)
                try await nap(client, journal)
                for n in 0..<cancels {
                    try await client.send(Endless(n: n))
                    await journal.wait(for: .hangs(n))
                    try await client.send(Stop(n: n))
                    journal.note(.asked(n))
                    await journal.wait(for: .cancelled(n))
                }
                try await Self.waitForEnds(arena)
                return sent
            }
            await client.close()
            let ends = try await CommitTimes.read(arena)
            let cancelled = (0..<cancels).compactMap { n -> Double? in
                guard let done = journal[.cancelled(n)],
                    let asked = ends?.asked[n] ?? (ends == nil ? journal[.asked(n)] : nil)
                else { return nil }
                return max(0, done.timeIntervalSince(asked) * 1_000)
            }
            try arena.report(
                Sample(sent).figures("send_to_step")
                    + Sample(journal.times(0..<runs, from: { .ended($0) }, to: { .secondBegan($0) }))
                    .figures("step_to_step")
                    + Sample(journal.lateness).figures("due_to_step")
                    + Sample(ends?.toOutcome ?? []).figures("cancel_to_ended")
                    + Sample(cancelled).figures("cancel_to_task_cancelled") + reference, options)
            return .success
        }
    }

    private static func functions(_ journal: LatencyJournal) -> [FunctionDefinition] {
        [
            Function("pair", on: Pair.self).cancelOn(Stop.self, match: \.n).run { event, step in
                let n = event.data.n
                try await step.run("first") {
                    journal.note(.began(n))
                    journal.note(.ended(n))
                }
                try await step.run("second") { journal.note(.secondBegan(n)) }
            },
            Function("nap", on: Nap.self).run { event, step in
                try await step.sleep("nap", until: event.data.due)
                try await step.run("work") { journal.woke(due: event.data.due) }
            },
            Function("endless", on: Endless.self).cancelOn(Stop.self, match: \.n).run { event, step in
                let n = event.data.n
                try await step.run("wait") {
                    journal.note(.hangs(n))
                    try? await Task.sleep(for: .seconds(60))
                    journal.note(.cancelled(n))
                }
            },
        ]
    }

    private func sendPairs(
        _ numbers: Range<Int>, _ client: Client, _ journal: LatencyJournal
    ) async throws -> [Double] {
        var times: [Double] = []
        for n in numbers {
            let sending = Date()
            try await client.send(Pair(n: n))
            await journal.wait(for: .began(n))
            times.append((journal[.began(n)]?.timeIntervalSince(sending) ?? 0) * 1_000)
            await journal.wait(for: .secondBegan(n))
        }
        return times
    }

    /// Sleeps that fall due evenly spread, from a moment on at which all of them have been parked.
    private func nap(_ client: Client, _ journal: LatencyJournal) async throws {
        let start = Date().addingTimeInterval(2 + Double(sleeps) / 1_000)
        let pause = sleeps > 0 ? spread / Double(sleeps) : 0
        for first in stride(from: 0, to: sleeps, by: 500) {
            try await client.send(
                (first..<min(first + 500, sleeps)).map {
                    try NewEvent(Nap(due: start.addingTimeInterval(Double($0) * pause)))
                })
        }
        while journal.lateness.count < sleeps { try await Task.sleep(for: .milliseconds(100)) }
    }

    private static func waitForEnds(_ arena: BenchArena) async throws {
        let session = PostgresSession(arena.database, logger: .quiet)
        while try await session.run({ db in
            try db.query("SELECT EXISTS (SELECT FROM nightjar.live)")[0].decode(0, as: Bool.self)
        }) { try await Task.sleep(for: .milliseconds(50)) }
        await session.close()
    }
}
