import Foundation
import Logging
import NightjarCore
import Synchronization

/// A run in memory: records what executions commit and starts them again, with a clock that the test sets.
final class RunStore: RunRecorder {
    struct State {
        var context: RunContext
        var commits: [RunCommit] = []
        var events: [NewEvent] = []
        var outcome: Outcome?
        var recordedTwice: [String] = []
        /// What could not be recorded as it is: each would be an error of the database.
        var violations: [String] = []
        /// Of the execution under way.
        var mailbox: RunMailbox?
        /// Whether the last park found that more had come than the run had been told of.
        var isReady = false
        /// The steps whose bodies were in flight when executions were interrupted.
        var interruptions: [[String]] = []
    }

    typealias Answer = @Sendable (_ commit: RunCommit, _ number: Int) async -> CommitAnswer

    let definition: FunctionDefinition
    let clock: RunClock
    let patience: RunExecution.Patience
    let logger: Logger
    private let answer: Answer
    private let state: Mutex<State>

    init(
        _ definition: FunctionDefinition, event: RecordedEvent = .empty, clock: RunClock = ManualClock().runClock,
        patience: RunExecution.Patience = .none,
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        answer: @escaping Answer = { _, _ in .accepted }
    ) {
        self.definition = definition
        self.clock = clock
        self.patience = patience
        self.logger = logger
        self.answer = answer
        let context = RunContext(
            runID: UUID(), function: definition.id, event: event, now: .start, startedAt: .start)
        state = Mutex(State(context: context))
    }

    var commits: [RunCommit] { state.withLock { $0.commits } }
    var memo: [RecordedStep] { state.withLock { $0.context.memo } }
    var attempts: [RecordedAttempt] { state.withLock { $0.context.attempts } }
    var events: [NewEvent] { state.withLock { $0.events } }
    var outcome: Outcome? { state.withLock { $0.outcome } }
    var recordedTwice: [String] { state.withLock { $0.recordedTwice } }
    var open: [OpenStep] { state.withLock { $0.context.open } }
    var violations: [String] { state.withLock { $0.violations } }
    var interruptions: [[String]] { state.withLock { $0.interruptions } }
    var isReady: Bool { state.withLock { $0.isReady } }
    var runID: UUID { state.withLock { $0.context.runID } }
    var now: Date {
        get { state.withLock { $0.context.now } }
        set { state.withLock { $0.context.now = newValue } }
    }

    func change(_ body: (inout RunContext) -> Void) {
        state.withLock { body(&$0.context) }
    }

    func commit(_ commit: RunCommit, of runID: UUID) async -> CommitAnswer {
        let number = state.withLock { state in
            state.commits.append(commit)
            return state.commits.count
        }
        guard await answer(commit, number) == .accepted else { return .refused }
        state.withLock { $0.record(commit) }
        return .accepted
    }

    /// Something comes for an open step; the execution under way is told of it, if there is one.
    ///
    /// - Returns: False when the step is not open, or something has come for it already.
    @discardableResult
    func arrive(_ arrival: Arrival) -> Bool {
        let (isNew, mailbox, context) = state.withLock { state in
            let isNew =
                state.context.open.contains { $0.step == arrival.step }
                && !state.context.arrivals.contains { $0.step == arrival.step }
            if isNew {
                state.context.arrivals.append(arrival)
                state.context.mail += 1
            }
            return (isNew, state.mailbox, state.context)
        }
        if isNew { mailbox?.deliver(context.arrivals, mail: context.mail) }
        return isNew
    }

    /// Executes the run once, from what is recorded.
    func execute(random: Double = 0) async -> RunResult {
        let mailbox = RunMailbox()
        let context = state.withLock { state in
            state.mailbox = mailbox
            state.isReady = false
            return state.context
        }
        return await RunExecution(
            definition: definition, context: context, recorder: self, clock: clock, logger: logger,
            patience: patience, random: { random }, mailbox: mailbox,
            interrupted: { steps in self.state.withLock { $0.interruptions.append(steps) } }
        ).run()
    }

    /// Executes the run again and again, each time at the moment until which it parked.
    ///
    /// - Parameter parked: Called when the run has parked; says whether it is woken now.
    func runToEnd(parked: (_ until: Date) -> Bool = { _ in false }) async -> Outcome? {
        for _ in 0..<10_000 {
            switch await execute() {
            case .ended(let outcome): return outcome
            case .parked(let until): if !isReady, !parked(until) { now = max(now, until) }
            case .refused: now = now.addingTimeInterval(1)
            case .abandoned: return nil
            }
        }
        return nil
    }
}

extension RunStore.State {
    fileprivate mutating func record(_ commit: RunCommit) {
        let known = Set(context.memo.map(\.step))
        recordedTwice += commit.steps.map(\.step).filter(known.contains)
        for opening in commit.openings {
            if known.contains(opening.step) || context.open.contains(where: { $0.step == opening.step }) {
                violations.append("\(opening.step) was opened twice")
            }
            if commit.steps.contains(where: { $0.step == opening.step }) {
                violations.append("\(opening.step) was opened and ended in one commit")
            }
        }
        context.open += commit.openings
        for step in commit.steps {
            if step.endedAt <= context.memo.last?.endedAt ?? .distantPast {
                violations.append("\(step.step) did not end after what was recorded before")
            }
            context.memo.append(step)
            guard step.kind == .waitForEvent || step.kind == .invoke else { continue }
            if step.dueAt != nil { violations.append("\(step.step) has a due time") }
            if !step.isWithdrawn, !context.open.contains(where: { $0.step == step.step }) {
                violations.append("\(step.step) ended without having been open")
            }
            context.open.removeAll { $0.step == step.step }
            context.arrivals.removeAll { $0.step == step.step }
        }
        context.attempts += commit.attempts
        events += commit.events
        switch commit.next {
        case .keep: break
        case .park: isReady = commit.mail < context.mail
        case .end(let outcome): self.outcome = outcome
        }
    }
}

extension Arrival {
    /// An event of the name `test/news`.
    static func event(_ step: String, _ value: Int, id: String = "n1", name: String = "test/news") -> Arrival {
        Arrival(
            step: step,
            output: #"{"id":"\#(id)","name":"\#(name)","data":{"value":\#(value)},"user":null,"ts":1800000001500}"#)
    }
}

/// What waits wait for in tests.
struct News: EventData {
    static let eventName = "test/news"
    var value: Int
}

extension RunExecution.Patience {
    static var none: Self {
        var patience = Self()
        patience.parking = .zero
        patience.replay = .zero
        return patience
    }
}

extension Date {
    static let start = Date(timeIntervalSince1970: 1_800_000_000)

    static func + (date: Date, duration: Duration) -> Date { date.addingTimeInterval(duration / .seconds(1)) }
}

extension RecordedEvent {
    static let empty = RecordedEvent(id: "e1", name: "test/event", dataJSON: "{}", timestamp: .start)
}

extension FunctionDefinition {
    /// A function of any event.
    static func test<Output: Encodable & Sendable>(
        _ change: (Function<JSON>) -> Function<JSON> = { $0 },
        _ body: @escaping @Sendable (Step) async throws -> Output
    ) -> FunctionDefinition {
        change(Function("test", on: .name("test/event"))).run { _, step in try await body(step) }
    }
}

extension FunctionDefinition {
    /// A function of any event that returns nothing.
    @_disfavoredOverload
    static func test(
        _ change: (Function<JSON>) -> Function<JSON> = { $0 },
        _ body: @escaping @Sendable (Step) async throws -> Void
    ) -> FunctionDefinition {
        change(Function("test", on: .name("test/event"))).run { _, step in try await body(step) }
    }
}
