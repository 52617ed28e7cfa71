import Foundation
import Synchronization

/// What a latency scenario's runs say of themselves, and who waits for them to say it.
final class LatencyJournal: Sendable {
    enum Moment: Hashable {
        case began(Int), ended(Int), secondBegan(Int), hangs(Int), asked(Int), cancelled(Int)
    }

    private struct State {
        var times: [Moment: Date] = [:]
        var waiting: [Moment: CheckedContinuation<Void, Never>] = [:]
        var lateness: [Double] = []
    }
    private let state = Mutex(State())

    func note(_ moment: Moment) {
        let waiter = state.withLock { state in
            state.times[moment] = Date()
            return state.waiting.removeValue(forKey: moment)
        }
        waiter?.resume()
    }

    /// A sleep has ended that was to end then.
    func woke(due: Date) {
        let late = Date().timeIntervalSince(due) * 1_000
        state.withLock { $0.lateness.append(late) }
    }

    func wait(for moment: Moment) async {
        await withCheckedContinuation { continuation in
            let isPast = state.withLock { state in
                if state.times[moment] == nil { state.waiting[moment] = continuation }
                return state.times[moment] != nil
            }
            if isPast { continuation.resume() }
        }
    }

    /// From one moment to another of the same number, in milliseconds.
    func times(_ numbers: Range<Int>, from: (Int) -> Moment, to: (Int) -> Moment) -> [Double] {
        state.withLock { state in
            numbers.compactMap { n in
                guard let start = state.times[from(n)], let end = state.times[to(n)] else { return nil }
                return end.timeIntervalSince(start) * 1_000
            }
        }
    }

    subscript(_ moment: Moment) -> Date? { state.withLock { $0.times[moment] } }

    var lateness: [Double] { state.withLock { $0.lateness } }
}
