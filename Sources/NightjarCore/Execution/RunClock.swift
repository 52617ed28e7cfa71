/// Measures the time that passes during an execution. Injected, so that tests need not wait.
package struct RunClock: Sendable {
    /// Returns how much time has passed since some fixed moment; never goes backwards.
    package var elapsed: @Sendable () -> Duration
    /// Suspends for so long; throws when the task is cancelled.
    package var sleep: @Sendable (Duration) async throws -> Void

    package init(
        elapsed: @escaping @Sendable () -> Duration, sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.elapsed = elapsed
        self.sleep = sleep
    }

    /// The machine's own monotonic clock.
    package static let continuous: RunClock = {
        let clock = ContinuousClock()
        let origin = clock.now
        return RunClock(
            elapsed: { origin.duration(to: clock.now) },
            sleep: { try await Task.sleep(for: $0, clock: clock) })
    }()
}
