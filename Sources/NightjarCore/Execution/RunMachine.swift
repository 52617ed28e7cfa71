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
            /// For the acknowledgement of earlier records.
            case start(attempt: Int)
            case sleep(until: Date)
            case retry(at: Date, attempt: Int)
        }

        let key: String
        var cause: Cause

        var dueAt: Date? {
            switch cause {
            case .memo, .start: nil
            case .sleep(let date), .retry(let date, _): date
            }
        }
    }

    let context: RunContext
    let options: FunctionOptions
    let patience: RunExecution.Patience
    /// When the run's time is up.
    let deadline: Date?

    var phase = Phase.running
    var memory: ReplayMemory
    /// The latest failed attempt of each step that has not ended.
    var attempts: [String: RecordedAttempt] = [:]
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
        deadline = options.timeout.map { context.startedAt.addingTimeInterval($0.seconds) }
        memory = ReplayMemory(context.memo)
        lastActivity = now
        for attempt in context.attempts where attempt.attempt > attempts[attempt.step]?.attempt ?? 0 {
            attempts[attempt.step] = attempt
        }
    }

    /// The moment at which an execution begins: the database's clock, or later.
    ///
    /// A clock that was set back must not make a sleep wait again that once had passed: steps after it are recorded.
    static func beginning(of context: RunContext) -> Date {
        max(context.now, context.memo.lazy.map(\.endedAt).max() ?? context.now)
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
        if isPastDeadline(now) {
            fail(.runTimeout(options))
            return .commit(failureCommit())
        }
        if let attempt = functionAttempts.last, functionStreak > 0, attempt.retryAt > now {
            return .commit(park(until: attempt.retryAt, reason: .retrying))
        }
        return .userCode
    }

    func isPastDeadline(_ now: Date) -> Bool { deadline.map { now >= $0 } ?? false }

    /// Ends the run as failed, whatever user code does from now on.
    mutating func fail(_ error: RunError) {
        guard case .running = phase else { return }
        phase = .failing(error)
    }

    /// The surrounding task was cancelled: nothing more is to be recorded.
    mutating func abandon() {
        switch phase {
        case .running, .failing: phase = .unwinding(.abandoned)
        case .unwinding, .over: break
        }
    }

    /// Takes note of the answer to a commit.
    mutating func answered(_ commit: RunCommit, _ answer: CommitAnswer) {
        switch (answer, commit.next) {
        case (.accepted, .keep):
            pending = RunCommit(next: .keep)
        case (.accepted, .park(let until, _)):
            phase = .unwinding(.parked(until: until))
        case (.accepted, .end(let outcome)):
            phase = .unwinding(.ended(outcome))
        case (.refused, _):
            // Abandoned meanwhile: the refusal is the recorder giving up.
            if case .unwinding = phase { return }
            phase = .unwinding(.refused)
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

extension RunError {
    static func runTimeout(_ options: FunctionOptions) -> RunError {
        let limit = options.timeout.map { "\($0.seconds) s" } ?? ""
        return RunError(
            name: "RunTimeout", message: "the run took longer than the function's timeout of \(limit)",
            code: RunError.Code.runTimeout)
    }
}
