import Foundation
import Synchronization

/// One execution of a run: the shell around ``RunMachine``, and the executor of the run's user code.
///
/// User code runs only here, one job at a time, so its branches share no moment, and an empty queue means that all of
/// them wait. The queue is drained by the task that drives the run, without a thread of its own.
final class Run: TaskExecutor {
    struct State {
        var machine: RunMachine
        var jobs: [UnownedJob] = []
        /// Jobs that were enqueued, and those among them that the runtime itself caused: the first one, the
        /// resumption of a branch that waited in a step, and the return from a step's body.
        var enqueued = 0
        var expected = 1
        var branches: [RunMachine.Ticket: CheckedContinuation<RunMachine.Meeting, any Error>] = [:]
        /// Answers for branches that have asked but do not wait yet.
        var early: [RunMachine.Ticket: RunMachine.Meeting] = [:]
        /// The driver, while it rests.
        var driver: CheckedContinuation<Void, Never>?
        var isSignalled = false
    }

    let id: UUID
    let tenant: String
    let tenantID: Int
    let options: FunctionOptions
    let clock: RunClock
    let random: @Sendable () -> Double
    let makeEventID: @Sendable () -> UUID
    let interrupted: @Sendable ([String]) -> Void
    let executing: @Sendable (Int) -> Void
    let state: Mutex<State>

    private let beginning: Date
    private let beginningElapsed: Duration

    init(_ execution: RunExecution) {
        let context = execution.context
        id = context.runID
        tenant = context.tenant
        tenantID = context.tenantID
        options = execution.definition.options
        clock = execution.clock
        random = execution.random
        makeEventID = execution.makeEventID
        interrupted = execution.interrupted
        executing = execution.executing
        beginning = RunMachine.beginning(of: context)
        beginningElapsed = clock.elapsed()
        let machine = RunMachine(
            context: context, options: options, patience: execution.patience, now: beginning)
        state = Mutex(State(machine: machine))
    }

    /// The database's clock at the claim, plus the time that has passed since by a clock that nobody sets.
    var now: Date { beginning.addingTimeInterval((clock.elapsed() - beginningElapsed).seconds) }

    // MARK: Executor

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let driver = state.withLock { state in
            state.jobs.append(job)
            state.enqueued += 1
            return state.driver.take()
        }
        driver?.resume()
    }

    /// Runs jobs until there are none left, and says whether there were any.
    func drain() -> Bool {
        var wasBusy = false
        while true {
            let batch = state.withLock { state in
                let batch = state.jobs
                if !batch.isEmpty { state.jobs = [] }
                return batch
            }
            if batch.isEmpty { return wasBusy }
            wasBusy = true
            for job in batch {
                // Not as a serial executor: code that belongs to no actor would then hop at every call, and neither
                // the counting of jobs nor the time it takes would be of use.
                job.runSynchronously(on: asUnownedTaskExecutor())
            }
        }
    }

    /// Whether the calling code is a branch of this run.
    var isCurrent: Bool {
        withUnsafeCurrentTask { $0?.unownedTaskExecutor == asUnownedTaskExecutor() }
    }
}
