public import Foundation

extension Step {
    /// Waits for a time, without occupying anything: the run leaves the process and comes back.
    ///
    /// The time counts from the moment at which the function first comes here. Zero or less does not wait.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - duration: How long to wait.
    public func sleep(_ id: String, for duration: Duration) async throws {
        try await sleep(id) { now in now.addingTimeInterval(duration.seconds) }
    }

    /// Waits until a moment by the database's clock; returns at once when it has passed.
    ///
    /// The moment is recorded when the function first comes here; a replay that computes another does not change it.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - date: When to go on.
    public func sleep(_ id: String, until date: Date) async throws {
        try await sleep(id) { _ in date }
    }

    private func sleep(_ id: String, until date: (Date) -> Date) async throws {
        try run.checkUse(of: id)
        let meeting = try run.meet { machine, now in
            try machine.meetSleep(id, until: date(now), isCancelled: Task.isCancelled, now: now)
        }
        if case .wait(let ticket) = meeting { _ = try await run.wait(ticket) }
    }
}
