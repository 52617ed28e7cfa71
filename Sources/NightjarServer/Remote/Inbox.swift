internal import Foundation
internal import NightjarCore
internal import Synchronization

/// Brings an execution what happens beside it: answers, arrivals, and that it is to stop.
final class Inbox: Sendable {
    enum Item: Sendable {
        case answer(CallAnswer, call: Int)
        case arrivals([Arrival], mail: Int)
        case stop
    }

    private struct State {
        var items: [Item] = []
        var isSignalled = false
        var reader: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func put(_ item: Item) {
        signal { $0.items.append(item) }
    }

    /// Takes what is there.
    func take() -> [Item] {
        state.withLock { state in
            defer { state.items = [] }
            state.isSignalled = false
            return state.items
        }
    }

    /// Returns when there is something, or after so long.
    func wait(atMost limit: Duration?) async {
        guard let limit else { return await awaitSignal() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // In a cancelled task the item that says so is on its way.
                guard (try? await Task.sleep(for: limit)) != nil else { return }
                self.signal { _ in }
            }
            await awaitSignal()
            group.cancelAll()
        }
    }

    private func signal(_ change: (inout State) -> Void) {
        let reader = state.withLock { state in
            change(&state)
            state.isSignalled = true
            return state.reader.take()
        }
        reader?.resume()
    }

    private func awaitSignal() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isReady = state.withLock { state in
                if state.isSignalled || !state.items.isEmpty { return true }
                state.reader = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
    }
}
