internal import Foundation
internal import NightjarCore

/// Decides everything in one execution of a remote app's run; knows neither clock nor network nor database.
///
/// The driver asks ``next(now:random:)`` what to do, does it, and says what came of it: ``answered(_:_:)`` for commits,
/// ``received(_:of:now:random:)`` for calls, ``claimed(_:isGranted:)`` for signals, ``deliver(_:mail:)`` for what comes from
/// outside. What a call depends on is committed before the call is made.
struct RemoteMachine: Sendable {
    /// A step that is over, as the app is told of it.
    struct Memo: Sendable {
        var step: String
        var settledAt: Date
        var text: String
    }

    /// A step that the app has planned, or a request that is to be made for it.
    struct Planned: Sendable {
        var order: Int
        var isRacing: Bool
        /// How many attempts have failed.
        var failures = 0
        var notBefore: Date?
        var gateway: GatewayRequest?
        var name: String?
        var call: Int?
    }

    /// What comes next.
    enum Move: Sendable {
        case claim(SignalClaim)
        case commit(RunCommit)
        case call([RemoteCall])
        /// Wait for what is under way, at most until then.
        case rest(until: Date?)
        case finish(RunResult)
    }

    let runID: UUID
    let retries: RetryPolicy
    let outputLimit: Int
    let limits: RemoteLimits

    var state: RemoteState
    var result: RunResult?
    /// How the run ends, decided and not recorded yet.
    var outcome: Outcome?
    var pending = RunCommit(next: .keep)

    var memo: [Memo] = []
    /// The steps that are recorded or wait, sleeps that are not over among them.
    var known: Set<String> = []
    var sleeping: [String: Date] = [:]
    var open: [String: OpenStep] = [:]
    var arrivals: [Arrival] = []
    var mail = 0
    var planned: [String: Planned] = [:]
    var plannedCount = 0
    /// Waits for signals that are not granted yet.
    var claims: [(claim: SignalClaim, step: OpenStep)] = []
    var stateBytes: Int

    /// Whether the function is to be asked for what it comes to now.
    var needsDiscovery = true
    var discoveryNotBefore: Date?
    /// How many attempts of the function have failed since it last got on.
    var streak = 0
    /// The step that the app executed without being asked for it, that failed, and how often.
    var unasked: (step: String, failures: Int)?
    var fruitless = 0
    /// Counts what is new.
    var progress = 0

    /// The number of the last failed attempt by step.
    var attemptNumbers: [String: Int] = [:]
    /// Failed attempts of steps that this execution has not heard of.
    var recalled: [String: RecordedAttempt] = [:]
    var inFlight: [Int: (call: RemoteCall, startedAt: Date)] = [:]
    var lastCall = 0
    /// The moment of the latest record: no two are the same.
    var lastMoment: Date

    init(context: RunContext, options: FunctionOptions, limits: RemoteLimits = RemoteLimits()) {
        runID = context.runID
        retries = options.retries
        outputLimit = options.outputLimit
        self.limits = limits
        state = RemoteState(encoded: context.remoteState)
        stateBytes = context.events.reduce(0) { $0 + $1.dataJSON.utf8.count }
        lastMoment = context.memo.lazy.map(\.endedAt).max() ?? .distantPast
        for step in context.memo { remember(step) }
        open = Dictionary(context.open.map { ($0.step, $0) }) { first, _ in first }
        known.formUnion(open.keys)
        deliver(context.arrivals, mail: context.mail)
        recall(context)
    }

    /// The moment at which an execution begins: the database's clock, or later; see ``moment(_:)``.
    static func beginning(of context: RunContext) -> Date {
        let recorded = context.memo.lazy.map(\.endedAt).max() ?? context.now
        let opened = context.open.lazy.map(\.startedAt).max() ?? context.now
        return max(context.now, recorded, opened)
    }

    /// Takes up the attempts that failed in earlier executions.
    private mutating func recall(_ context: RunContext) {
        let gotOn = max(lastMoment, context.open.lazy.map(\.startedAt).max() ?? .distantPast)
        for attempt in context.attempts.sorted(by: { $0.attempt < $1.attempt }) {
            attemptNumbers[attempt.step] = attempt.attempt
            guard !attempt.step.isEmpty else {
                if attempt.endedAt >= gotOn {
                    streak += 1
                    discoveryNotBefore = attempt.retryAt
                }
                continue
            }
            if !known.contains(attempt.step) { recalled[attempt.step] = attempt }
        }
        // What the run got on after has been tried again since, or is not come to any more: the app will tell.
        let waiting = recalled.values.filter { $0.retryAt >= gotOn && $0.error.code != GatewayRequest.failed }
        if state.retriesUnasked, let attempt = waiting.first, waiting.count == 1 {
            unasked = (attempt.step, attempt.attempt)
            discoveryNotBefore = max(discoveryNotBefore ?? .distantPast, attempt.retryAt)
            recalled[attempt.step] = nil
            return
        }
        state.retriesUnasked = false
        for attempt in waiting.sorted(by: { $0.retryAt < $1.retryAt }) {
            plan(attempt.step, isRacing: false)
        }
        // The function is asked all the same: whoever planned steps beside these may have died before they were over.
    }

    // MARK: What the driver says

    /// Takes note of the answer to a commit.
    mutating func answered(_ commit: RunCommit, _ answer: CommitAnswer) {
        guard result == nil else { return }
        switch (answer, commit.next) {
        case (.refused, _): result = .refused
        case (.accepted, .keep): pending = RunCommit(next: .keep)
        case (.accepted, .park(let until, _)): result = .parked(until: until)
        case (.accepted, .end(let outcome)): result = .ended(outcome)
        }
    }

    /// The surrounding task was cancelled: nothing more is to be recorded.
    mutating func abandon() {
        if result == nil { result = .abandoned }
    }

    /// Takes note of what has come; of a step that is not open, or that something has come for already, it is ignored.
    mutating func deliver(_ arrived: [Arrival], mail: Int) {
        for arrival in arrived
        where open[arrival.step] != nil && !arrivals.contains(where: { $0.step == arrival.step }) {
            arrivals.append(arrival)
        }
        self.mail = max(self.mail, mail)
    }

    /// Takes note of whether a step may wait for its signal.
    mutating func claimed(_ claim: SignalClaim, isGranted: Bool) {
        guard let index = claims.firstIndex(where: { $0.claim == claim }) else { return }
        let step = claims.remove(at: index).step
        if isGranted {
            opened(step)
        } else {
            fail(
                RunError(
                    name: "SignalConflict",
                    message: "another step waits for the signal \"\(claim.signal)\" already; give the signal another "
                        + "name, or wait for it with conflict \"replace\"",
                    code: "signal_conflict"))
        }
    }

    /// Takes note of steps that others have recorded for this run.
    mutating func merge(_ steps: [RecordedStep]) {
        for step in steps where !known.contains(step.step) {
            lastMoment = max(lastMoment, step.endedAt)
            remember(step)
            gotOn(with: step.step)
        }
    }

    /// The steps that execute.
    var executing: [String] { inFlight.values.compactMap { $0.call.step ?? unasked?.step }.sorted() }
}
