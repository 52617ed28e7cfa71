import Foundation

/// Decides everything in one execution of a run; knows neither clock nor tasks nor database.
///
/// User code comes in through `RunMachine+Steps`; the driver asks ``turn(_:)`` what to do whenever the run's executor
/// has gone dry, which means that all its branches wait.
struct RunMachine: Sendable {
    enum Phase: Sendable {
        case running
        /// The run cannot go on; its failure is not recorded yet.
        case failing(RunError)
        /// All is decided and recorded; user code is being ended.
        case unwinding(RunResult)
        /// User code has ended.
        case over
    }

    /// Names a branch that waits.
    typealias Ticket = Int

    struct Wait: Sendable {
        enum Cause: Sendable {
            /// For its turn among the memos.
            case memo(position: Int, RecordedStep)
            /// For its turn after what goes before it in every replay; just recorded.
            case settled(RecordedStep)
            /// For the acknowledgement of earlier records.
            case start(attempt: Int)
            /// A sleep that was recorded by an earlier execution has a position among the memos.
            case sleep(until: Date, position: Int?)
            case retry(at: Date, attempt: Int)
            /// For what is to come for an open step, or until it times out.
            case open(StepKind, until: Date)
        }

        let key: String
        var cause: Cause

        var dueAt: Date? {
            switch cause {
            case .memo, .settled, .start: nil
            case .sleep(let date, _), .retry(let date, _), .open(_, let date): date
            }
        }
    }

    let context: RunContext
    let options: FunctionOptions
    let patience: RunExecution.Patience

    var phase = Phase.running
    var memory: ReplayMemory
    /// The latest failed attempt of each step that has not ended.
    var attempts: [String: RecordedAttempt] = [:]
    /// The waits and invocations that have begun and not ended, by step.
    var open: [String: OpenStep]
    /// What has come for them, by step.
    var arrivals: [String: Arrival] = [:]
    /// How many arrivals the run has been told of.
    var mail = 0
    /// The steps of waits that were cancelled and whose branches have not heard of it yet.
    var withdrawals: [Ticket: String] = [:]
    /// What is to be recorded with the next commit.
    var pending = RunCommit(next: .keep)
    /// Whether anything was recorded or is to be since user code began.
    var hasProgressed = false
    var waits: [Ticket: Wait] = [:]
    var nextTicket: Ticket = 0
    /// The steps whose bodies are in flight.
    var inFlight: Set<String> = []
    /// How user code ended.
    var ending: Result<String, any Error>?
    /// When anything was last seen to happen.
    var lastActivity: Date
    /// The moment of the latest record.
    var lastMoment: Date
    /// Whether a branch was let go on since the executor was last dry.
    var hasDelivered = false
    /// Notices for the log, each at most once.
    private(set) var notices: [Notice] = []
    private var loggedNotices = 0
    var hasUnwound = false

    enum Notice: Sendable, Equatable {
        case sameIDInParallel(String)
        case unseenWork
        case slowUnwinding
    }

    /// - Parameter now: The run's own clock; see ``RunMachine/beginning(of:)``.
    init(context: RunContext, options: FunctionOptions, patience: RunExecution.Patience, now: Date) {
        self.context = context
        self.options = options
        self.patience = patience
        memory = ReplayMemory(context.memo)
        open = Dictionary(context.open.map { ($0.step, $0) }) { first, _ in first }
        lastActivity = now
        lastMoment = context.memo.lazy.map(\.endedAt).max() ?? .distantPast
        for attempt in context.attempts where attempt.attempt > attempts[attempt.step]?.attempt ?? 0 {
            attempts[attempt.step] = attempt
        }
        deliver(context.arrivals, mail: context.mail)
    }

    /// The moment at which an execution begins: the database's clock, or later.
    ///
    /// A clock that was set back must not make a sleep wait again that once had passed: steps after it are recorded.
    static func beginning(of context: RunContext) -> Date {
        let recorded = context.memo.lazy.map(\.endedAt).max() ?? context.now
        let opened = context.open.lazy.map(\.startedAt).max() ?? context.now
        return max(context.now, recorded, opened)
    }

    enum Opening: Sendable {
        case userCode
        /// The run is decided without user code.
        case commit(RunCommit)
        /// The surrounding task was cancelled already.
        case nothing
    }

    /// Decides what can be decided before user code runs at all.
    mutating func opening(now: Date) -> Opening {
        guard case .running = phase else { return .nothing }
        if let attempt = functionAttempts.last, functionStreak > 0, attempt.retryAt > now {
            return .commit(park(until: attempt.retryAt, reason: .retrying))
        }
        return .userCode
    }

    /// Ends the run as failed, whatever user code does from now on.
    mutating func fail(_ error: RunError) {
        guard case .running = phase else { return }
        phase = .failing(error)
    }

    /// The surrounding task was cancelled: nothing more is to be recorded.
    ///
    /// - Returns: The steps whose bodies this interrupts; nil when the run was being left already.
    mutating func abandon() -> [String]? { leave(.abandoned) }

    /// Takes note of the answer to a commit.
    ///
    /// - Returns: The steps whose bodies a refusal interrupts; nil when it interrupts nothing.
    mutating func answered(_ commit: RunCommit, _ answer: CommitAnswer) -> [String]? {
        switch (answer, commit.next) {
        case (.accepted, .keep):
            pending = RunCommit(next: .keep)
        case (.accepted, .park(let until, _)):
            phase = .unwinding(.parked(until: until))
        case (.accepted, .end(let outcome)):
            phase = .unwinding(.ended(outcome))
        case (.refused, _):
            // Of a run that was abandoned meanwhile, the refusal is the recorder giving up.
            return leave(.refused)
        }
        return nil
    }

    private mutating func leave(_ result: RunResult) -> [String]? {
        switch phase {
        case .running, .failing:
            phase = .unwinding(result)
            return inFlight.sorted()
        case .unwinding, .over:
            return nil
        }
    }

    mutating func notice(_ notice: Notice) {
        if !notices.contains(notice) { notices.append(notice) }
    }

    mutating func takeNotices() -> ArraySlice<Notice> {
        defer { loggedNotices = notices.count }
        return notices[loggedNotices...]
    }
}
