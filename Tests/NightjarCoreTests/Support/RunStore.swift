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
        state.withLock { state in
            let known = Set(state.context.memo.map(\.step))
            state.recordedTwice += commit.steps.map(\.step).filter(known.contains)
            state.context.memo += commit.steps
            state.context.attempts += commit.attempts
            state.events += commit.events
            if case .end(let outcome) = commit.next { state.outcome = outcome }
        }
        return .accepted
    }

    /// Executes the run once, from what is recorded.
    func execute(random: Double = 0) async -> RunResult {
        let context = state.withLock { $0.context }
        return await RunExecution(
            definition: definition, context: context, recorder: self, clock: clock, logger: logger,
            patience: patience, random: { random }
        ).run()
    }

    /// Executes the run again and again, each time at the moment until which it parked.
    func runToEnd() async -> Outcome? {
        for _ in 0..<10_000 {
            switch await execute() {
            case .ended(let outcome): return outcome
            case .parked(let until): now = until
            case .refused: now = now.addingTimeInterval(1)
            case .abandoned: return nil
            }
        }
        return nil
    }
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
