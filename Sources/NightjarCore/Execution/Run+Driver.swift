import Foundation
import Synchronization

/// What the driver calls.
extension Run {
    func opening() -> RunMachine.Opening {
        let now = now
        return state.withLock { $0.machine.opening(now: now) }
    }

    /// User code has returned or thrown.
    func ended(_ result: Result<String, any Error>) {
        state.withLock { $0.machine.ending = result }
    }

    func takeNotices() -> ArraySlice<RunMachine.Notice> {
        state.withLock { $0.machine.takeNotices() }
    }

    /// Asks what to do now that the executor is dry; nil when it no longer is.
    func turn(wasBusy: Bool) -> RunMachine.Turn? {
        let now = now
        return state.withLock { state in
            guard state.jobs.isEmpty else { return nil }
            state.isSignalled = false
            // A body in flight has its return booked, but has not returned yet.
            let unexpected = state.enqueued - (state.expected - state.machine.inFlight.count)
            return state.machine.turn(
                RunMachine.Situation(
                    now: now, wasBusy: wasBusy, mayHaveUnseenWork: unexpected != 0, random: random))
        }
    }

    func answered(_ commit: RunCommit, _ answer: CommitAnswer) {
        let interruption = state.withLock { state in
            let interruption = state.machine.answered(commit, answer)
            // Somebody came back from elsewhere while the run was being parked.
            if case .accepted = answer, case .park = commit.next, !state.jobs.isEmpty {
                state.machine.notice(.unseenWork)
            }
            return interruption
        }
        if let interruption { interrupted(interruption) }
    }

    func resume(_ branches: [(ticket: RunMachine.Ticket, meeting: RunMachine.Meeting)]) {
        for (ticket, meeting) in branches {
            let branch = state.withLock { state in
                let branch = state.branches.removeValue(forKey: ticket)
                if branch == nil { state.early[ticket] = meeting }
                state.expected += 1
                if case .start = meeting { state.expected += 1 }
                return branch
            }
            branch?.resume(returning: meeting)
        }
    }

    /// Ends every branch that waits.
    func unwind() {
        let branches = state.withLock { state in
            defer { state.branches = [:] }
            return state.branches
        }
        for branch in branches.values { branch.resume(throwing: RunUnwinding()) }
    }

    /// Waits until there is a job, a signal, or until `date`.
    func rest(until date: Date?) async {
        guard let date else { return await awaitSignal() }
        let delay = Duration.seconds(max(date.timeIntervalSince(now), 0))
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // In a cancelled task there is nothing to be woken for: user code is ending.
                guard (try? await self.clock.sleep(delay)) != nil else { return }
                self.signal()
            }
            await awaitSignal()
            group.cancelAll()
        }
    }

    private func awaitSignal() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isReady = state.withLock { state in
                if !state.jobs.isEmpty || state.isSignalled { return true }
                state.driver = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    /// Makes the driver look again.
    private func signal() {
        let driver = state.withLock { state in
            state.isSignalled = true
            return state.driver.take()
        }
        driver?.resume()
    }

    /// The surrounding task was cancelled.
    func abandon() {
        let interruption = state.withLock { $0.machine.abandon() }
        if let interruption { interrupted(interruption) }
        signal()
    }

    /// Something has come for open steps.
    func deliver(_ arrivals: [Arrival], mail: Int) {
        state.withLock { $0.machine.deliver(arrivals, mail: mail) }
        signal()
    }
}
