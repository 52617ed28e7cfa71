import Synchronization

/// Lets a test wait for something that other code does.
final class Signal: Sendable {
    private struct State {
        var count = 0
        var nextID = 0
        var waiters: [Int: (count: Int, continuation: CheckedContinuation<Void, Never>)] = [:]
    }

    private let state = Mutex(State())

    func fire() {
        let ready = state.withLock { state in
            state.count += 1
            let ready = state.waiters.filter { $0.value.count <= state.count }
            for id in ready.keys { state.waiters[id] = nil }
            return ready.values.map(\.continuation)
        }
        for continuation in ready { continuation.resume() }
    }

    /// Waits until the signal was fired so often, or the task is cancelled.
    func wait(for count: Int = 1) async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.count >= count || Task.isCancelled { return true }
                    state.waiters[id] = (count, continuation)
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume()
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
