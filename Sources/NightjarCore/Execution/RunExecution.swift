package import Foundation
package import Logging

/// Executes a claimed run until it ends, parks, or is stopped.
///
/// Steps that are recorded return their memo; others are executed, and recorded through the recorder. A new step's body
/// starts only after everything before it is acknowledged as recorded. When every branch of the function waits, the run
/// is recorded as parked and its user code is unwound; a later execution replays it up to that point.
package struct RunExecution: Sendable {
    /// How long to wait for what cannot be seen: user code that awaits something outside of steps.
    package struct Patience: Sendable, Hashable {
        /// Before a run parks that may have branches which wait for something outside of steps.
        package var parking: Duration = .milliseconds(200)
        /// Before a recorded step that such a run's replay does not come to counts as a mismatch.
        package var replay: Duration = .seconds(10)
        /// Before a warning says that user code does not end.
        package var unwinding: Duration = .seconds(5)

        package init() {}
    }

    let definition: FunctionDefinition
    let context: RunContext
    let recorder: any RunRecorder
    let clock: RunClock
    let logger: Logger
    let patience: Patience
    let random: @Sendable () -> Double
    let makeEventID: @Sendable () -> UUID
    let mailbox: RunMailbox
    let interrupted: @Sendable ([String]) -> Void
    let executing: @Sendable (Int) -> Void

    /// - Parameters:
    ///   - definition: The function; its id is the context's.
    ///   - context: What the claim returned.
    ///   - recorder: Takes the commits.
    ///   - clock: Measures the time that passes from `context.now` on.
    ///   - logger: Gets warnings about the function's code.
    ///   - patience: How long to wait for user code that cannot be seen.
    ///   - random: Returns numbers from 0 to 1 for the jitter of retries.
    ///   - makeEventID: Returns the ids under which sent events are stored.
    ///   - mailbox: Takes what comes for the run's open steps from the context's moment on.
    ///   - interrupted: Called at most once: when the surrounding task is cancelled or a commit is refused, with the
    ///     keys of the steps whose bodies are in flight then.
    ///   - executing: Told of each step body that begins, by 1, and of each that ends, by -1.
    package init(
        definition: FunctionDefinition, context: RunContext, recorder: any RunRecorder,
        clock: RunClock = .continuous, logger: Logger, patience: Patience = Patience(),
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
        makeEventID: @escaping @Sendable () -> UUID = { UUID() },
        mailbox: RunMailbox = RunMailbox(), interrupted: @escaping @Sendable ([String]) -> Void = { _ in },
        executing: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.definition = definition
        self.context = context
        self.recorder = recorder
        self.clock = clock
        self.logger = logger
        self.patience = patience
        self.random = random
        self.makeEventID = makeEventID
        self.mailbox = mailbox
        self.interrupted = interrupted
        self.executing = executing
    }

    /// Executes the run; returns when its user code has ended.
    ///
    /// Cancelling the surrounding task stops it: bodies in flight are cancelled and nothing more is recorded.
    package func run() async -> RunResult {
        let run = Run(self)
        mailbox.open { arrivals, mail in run.deliver(arrivals, mail: mail) }
        defer { mailbox.close() }
        return await withTaskCancellationHandler {
            await withTaskGroup(of: Void.self) { group in
                await drive(run, &group)
            }
        } onCancel: {
            run.abandon()
        }
    }

    private func drive(_ run: Run, _ group: inout TaskGroup<Void>) async -> RunResult {
        switch run.opening() {
        case .userCode:
            group.addTask(executorPreference: run) { [definition, context] in
                do {
                    run.ended(.success(try await definition.body(context.event, Step(run: run))))
                } catch {
                    run.ended(.failure(error))
                }
            }
        case .commit(let commit):
            run.ended(.failure(RunUnwinding()))
            await record(commit, run)
        case .nothing:
            run.ended(.failure(RunUnwinding()))
        }
        while true {
            let wasBusy = run.drain()
            // Asked for here as well, because user code may hear of a cancellation before its handler does, and what
            // it then throws says nothing.
            if Task.isCancelled { run.abandon() }
            guard let turn = run.turn(wasBusy: wasBusy) else { continue }
            log(run)
            switch turn {
            case .resume(let branches):
                run.resume(branches)
            case .commit(let commit):
                // The bodies of a run that fails are stopped, even when recording that takes long.
                if case .end = commit.next { group.cancelAll() }
                await record(commit, run)
            case .rest(let date):
                await run.rest(until: date)
            case .unwind:
                run.unwind()
            case .cancel:
                group.cancelAll()
            case .finish(let result):
                return result
            }
        }
    }

    private func record(_ commit: RunCommit, _ run: Run) async {
        run.answered(commit, await recorder.commit(commit, of: context.runID))
    }

    private func log(_ run: Run) {
        for notice in run.takeNotices() {
            var metadata: Logger.Metadata = [
                "function": "\(context.function)", "run": "\(context.runID.uuidString.lowercased())",
            ]
            if case .sameIDInParallel(let id) = notice { metadata["step"] = "\(id)" }
            logger.warning(notice.message, metadata: metadata)
        }
    }
}

extension RunMachine.Notice {
    fileprivate var message: Logger.Message {
        switch self {
        case .sameIDInParallel:
            "parallel branches use the same step id; give each its own, so that replays cannot mix them up"
        case .unseenWork:
            "the run parked while it awaited something outside of its steps, which was cut off; await inside steps"
        case .slowUnwinding:
            "the run's code does not end although the run has left this process; react to cancellation"
        }
    }
}
