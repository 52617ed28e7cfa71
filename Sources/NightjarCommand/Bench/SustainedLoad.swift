import Foundation
import Nightjar
import Synchronization

/// Events at a steady rate, or as many as keep a backlog: runs of one step; every tenth sleeps first, and every other one
/// of these is cancelled while it does.
struct SustainedLoad {
    struct Tick: EventData {
        static let eventName = "bench/tick"
        var n: Int
    }
    struct Nap: EventData {
        static let eventName = "bench/nap"
        var n: Int
    }
    struct Stop: EventData {
        static let eventName = "bench/stop"
        var n: Int
    }

    /// How many bodies have begun.
    final class Progress: Sendable {
        private let begun = Atomic(0)
        func step() { begun.add(1, ordering: .relaxed) }
        var count: Int { begun.load(ordering: .relaxed) }
    }

    let client: Client
    let progress: Progress
    /// Runs a second; 0: as many as keep a backlog.
    let rate: Int
    private var sent = 0
    private var cancels: [(n: Int, at: ContinuousClock.Instant)] = []

    init(client: Client, progress: Progress, rate: Int) {
        self.client = client
        self.progress = progress
        self.rate = rate
    }

    static func functions(_ progress: Progress) -> [FunctionDefinition] {
        [
            Function("tick", on: Tick.self).cancelOn(Stop.self, match: \.n).run { event, step in
                try await step.run("work") {
                    progress.step()
                    return event.data.n
                }
            },
            Function("nap", on: Nap.self).cancelOn(Stop.self, match: \.n).run { event, step in
                try await step.sleep("nap", for: .seconds(2))
                return try await step.run("work") { event.data.n }
            },
        ]
    }

    /// Sends until then.
    mutating func send(until end: ContinuousClock.Instant) async throws {
        let start = ContinuousClock.now
        while ContinuousClock.now < end {
            let elapsed = (ContinuousClock.now - start).milliseconds / 1_000
            // Of ten runs nine are ticks, and a backlog of these is what a worker finds.
            let backlog = sent - sent / 10 - progress.count
            let wanted = rate > 0 ? Int(elapsed * Double(rate)) - sent : backlog < 4_000 ? 1_000 : 0
            try await send(min(1_000, wanted))
            if wanted < 1_000 { try await Task.sleep(for: .milliseconds(rate > 0 ? 20 : 5)) }
        }
    }

    private mutating func send(_ count: Int) async throws {
        let now = ContinuousClock.now
        var events: [NewEvent] = []
        let ripe = cancels.prefix { $0.at < now - .seconds(1) }
        for (n, _) in ripe { events.append(try NewEvent(Stop(n: n))) }
        cancels.removeFirst(ripe.count)
        for n in sent..<(sent + max(0, count)) {
            if n % 20 == 0 { cancels.append((n, now)) }
            events.append(n % 10 == 0 ? try NewEvent(Nap(n: n)) : try NewEvent(Tick(n: n)))
        }
        sent += max(0, count)
        try await client.send(events)
    }
}
