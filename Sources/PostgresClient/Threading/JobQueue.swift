import Dispatch
import Foundation
import Synchronization

/// The jobs of one executor and the thread that runs them, one at a time in order of arrival.
final class JobQueue: Sendable {
    private struct Job {
        var job: UnownedJob
        var executor: UnownedSerialExecutor
    }

    private struct State {
        var jobs: [Job] = []
        var isRunning = false
        var isStopping = false
        var stopWaiters: [CheckedContinuation<Void, Never>] = []
    }

    /// User code runs on the thread, so it gets more than the half megabyte of secondary threads on macOS.
    private static let stackSize = 4 << 20

    private let name: String
    private let state = Mutex(State())
    /// Counts the reasons to look at the state: jobs and the wish to stop.
    private let wakeUps = DispatchSemaphore(value: 0)

    init(name: String) {
        self.name = name
    }

    func add(_ job: UnownedJob, for executor: UnownedSerialExecutor) {
        let (mustStart, mustEnd) = state.withLock { state in
            state.jobs.append(Job(job: job, executor: executor))
            defer { state.isRunning = true }
            return (!state.isRunning, state.isStopping)
        }
        wakeUps.signal()
        if mustEnd { wakeUps.signal() }
        if mustStart { startThread() }
    }

    func requestStop() {
        let isRunning = state.withLock { state in
            state.isStopping = true
            return state.isRunning
        }
        if isRunning { wakeUps.signal() }
    }

    func stop() async {
        await withCheckedContinuation { continuation in
            let isRunning = state.withLock { state in
                state.isStopping = true
                if state.isRunning { state.stopWaiters.append(continuation) }
                return state.isRunning
            }
            if isRunning { wakeUps.signal() } else { continuation.resume() }
        }
    }

    private func startThread() {
        let thread = Thread { self.run() }
        thread.name = name
        thread.stackSize = Self.stackSize
        thread.start()
    }

    private func run() {
        while true {
            wakeUps.wait()
            let job = state.withLock { state in state.jobs.isEmpty ? nil : state.jobs.removeFirst() }
            if let job {
                #if canImport(ObjectiveC)
                    // The thread lives for long; without a pool per job, temporary objects would pile up.
                    autoreleasepool { job.job.runSynchronously(on: job.executor) }
                #else
                    job.job.runSynchronously(on: job.executor)
                #endif
            } else if let waiters = finishIfStopping() {
                for waiter in waiters { waiter.resume() }
                return
            }
        }
    }

    /// The tasks to wake if the thread is to end now, or `nil` if it is to go on.
    private func finishIfStopping() -> [CheckedContinuation<Void, Never>]? {
        state.withLock { state in
            guard state.isStopping, state.jobs.isEmpty else { return nil }
            state.isRunning = false
            defer { state.stopWaiters = [] }
            return state.stopWaiters
        }
    }
}
