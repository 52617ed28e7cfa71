import Synchronization

/// Lets a test wait for something that other code does.
final class Signal: Sendable {
    private let state = Mutex<(count: Int, waiters: [(Int, CheckedContinuation<Void, Never>)])>((0, []))

    func fire() {
        let ready = state.withLock { state in
            state.count += 1
            let ready = state.waiters.filter { $0.0 <= state.count }.map(\.1)
            state.waiters.removeAll { $0.0 <= state.count }
            return ready
        }
        for waiter in ready { waiter.resume() }
    }

    /// Waits until the signal was fired so often.
    func wait(for count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.count >= count { return true }
                state.waiters.append((count, continuation))
                return false
            }
            if isReady { continuation.resume() }
        }
    }
}

/// Notes what happened, in order.
final class Journal: Sendable {
    private let state = Mutex<[String]>([])

    func note(_ entry: String) { state.withLock { $0.append(entry) } }
    var entries: [String] { state.withLock { $0 } }
    func count(_ entry: String) -> Int { entries.count { $0 == entry } }
}

struct TestFailure: Error, CustomStringConvertible {
    var description = "it failed"
}
