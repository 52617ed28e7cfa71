import Foundation
import NightjarCore

@testable import NightjarServer

/// A run with all that is around it, in one thread and in a time of its own: what the database would hold, the calls that
/// are under way, and the events that come.
struct RemoteWorld {
    static let start = Date(timeIntervalSince1970: 1_700_000_000)

    var now = RemoteWorld.start
    var options = FunctionOptions()
    var limits = RemoteLimits()
    let runID = UUID(uuidString: "018bcfe5-6800-7000-8000-000000000001")!
    var event = RecordedEvent(
        id: "018bcfe5-6800-7000-8000-0000000000aa", name: "test/begun", dataJSON: "{\"n\": 1}",
        timestamp: RemoteWorld.start)

    // What the database holds.
    private(set) var memo: [RecordedStep] = []
    private(set) var attempts: [RecordedAttempt] = []
    private(set) var open: [OpenStep] = []
    private(set) var arrivals: [Arrival] = []
    private(set) var remoteState: Int16 = 0
    private(set) var mail = 0

    /// What happened: every call, commit and end.
    private(set) var calls: [RemoteCall] = []
    private(set) var commits: [RunCommit] = []
    private(set) var executions = 0
    /// What must never happen, and did.
    private(set) var violations: [String] = []
    private(set) var outcome: Outcome?
    /// The number of calls under way, at most.
    private(set) var mostParallel = 0

    /// What comes, and when; not before the step waits that it is for.
    var coming: [(date: Date, arrival: Arrival)] = []
    /// Signals that another step waits for.
    var takenSignals: Set<String> = []
    /// After which commits the process dies.
    var deaths: Set<Int> = []
    /// Which of several calls is answered next.
    var choose: (Int) -> Int = { _ in 0 }
    /// How long calls take.
    var latency: TimeInterval = 0.01

    var context: RunContext {
        RunContext(
            runID: runID, function: "f", event: event, memo: memo, attempts: attempts, open: open, arrivals: arrivals,
            mail: mail, remoteState: remoteState, now: now, startedAt: Self.start)
    }

    /// Executes the run, in as many executions as it takes, until it ends or parks `parks` times.
    ///
    /// - Parameter answer: What the app answers.
    mutating func run(parks: Int = 200, answer: (RemoteCall, Date) -> CallAnswer) {
        for _ in 0..<(parks + deaths.count + 1) {
            guard outcome == nil else { return }
            execute(answer)
        }
    }

    private mutating func execute(_ answer: (RemoteCall, Date) -> CallAnswer) {
        executions += 1
        var machine = RemoteMachine(context: context, options: options, limits: limits)
        var flying: [RemoteCall] = []
        for _ in 0..<100_000 {
            bring(into: &machine)
            switch machine.next(now: now, random: 0.5) {
            case .claim(let claim): machine.claimed(claim, isGranted: !takenSignals.contains(claim.signal))
            case .call(let new):
                let recorded = Set(memo.map(\.step))
                for call in new where !recorded.isSuperset(of: call.memo.stack) {
                    violations.append("a call tells what is not recorded: \(call.memo.stack)")
                }
                flying += new
                calls += new
                mostParallel = max(mostParallel, flying.count)
            case .commit(let commit):
                commits.append(commit)
                apply(commit)
                if deaths.remove(commits.count) != nil { return }
                machine.answered(commit, .accepted)
            case .rest(let until):
                let next = nextArrival
                guard !flying.isEmpty else {
                    now = max(now, [until, next].compactMap(\.self).min() ?? now)
                    continue
                }
                let call = flying.remove(at: choose(flying.count))
                now = now.addingTimeInterval(latency)
                machine.received(answer(call, now), of: call.id, now: now, random: 0.5)
            case .finish(.parked(let until)):
                now = max(now, min(until, nextArrival ?? until))
                bringDue()
                return
            case .finish:
                return
            }
        }
        fatalError("the execution does not end")
    }

    private mutating func apply(_ commit: RunCommit) {
        let known = Set(memo.map(\.step))
        let new = commit.steps.map(\.step) + commit.openings.map(\.step)
        if Set(new).count < new.count || !known.isDisjoint(with: new) || commit.openings.contains(where: isOpen) {
            violations.append("something is recorded twice: \(new)")
        }
        memo += commit.steps
        attempts += commit.attempts
        let ended = Set(commit.steps.map(\.step))
        open.removeAll { ended.contains($0.step) }
        arrivals.removeAll { ended.contains($0.step) }
        open += commit.openings
        switch commit.next {
        case .keep: break
        case .park: remoteState = commit.remoteState ?? remoteState
        case .end(let outcome): self.outcome = outcome
        }
    }

    private mutating func bring(into machine: inout RemoteMachine) {
        for arrival in bringDue() { machine.deliver([arrival], mail: mail) }
    }

    /// What has come by now, for steps that wait.
    @discardableResult private mutating func bringDue() -> [Arrival] {
        let due = coming.filter { isAwaited($0.arrival) && $0.date <= now }.map(\.arrival)
        coming.removeAll { due.contains($0.arrival) }
        mail += due.count
        arrivals += due
        return due
    }

    private func isAwaited(_ arrival: Arrival) -> Bool { open.contains { $0.step == arrival.step } }

    private func isOpen(_ step: OpenStep) -> Bool { open.contains { $0.step == step.step } }

    private var nextArrival: Date? { coming.filter { isAwaited($0.arrival) }.map(\.date).min() }
}

extension CallAnswer {
    /// What an app answers, as text.
    static func http(_ status: Int, _ body: String, _ headers: [String: String] = [:]) -> CallAnswer {
        let base = ["x-inngest-sdk": "test:v1", "x-inngest-req-version": "2"]
        return AppAnswer(status: status, headers: base.merging(headers) { $1 }, body: Array(body.utf8)).read()
    }
}

extension RemoteCall {
    /// `step`, or what it is to execute.
    var about: String { step ?? "step" }
}

extension RunCommit {
    var keys: [String] { steps.map(\.step) }
}
