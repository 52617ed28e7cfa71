import Testing

@testable import PostgresClient

@Suite("The pool's decisions")
struct PoolStateTests {
    @Test("slots go round in the order of asking")
    func firstInFirstOut() {
        var state = PoolState(size: 2, maximumWaiters: 10)
        expectEqual(state.acquire(1), .lease(slot: 0))
        expectEqual(state.acquire(2), .lease(slot: 1))
        expectEqual(state.acquire(3), .wait)
        expectEqual(state.acquire(4), .wait)
        expectEqual(state.acquireFreeSlot(), nil)

        expectEqual(state.release(1, connected: true), .handOver(to: 3))
        expectEqual(state.release(0, connected: true), .handOver(to: 4))
        expectEqual(state.release(1, connected: true), .keep)
        expectEqual(state.acquire(5), .lease(slot: 1))
    }

    @Test("a slot without a connection is taken last")
    func connectedFirst() {
        var state = PoolState(size: 3, maximumWaiters: 0)
        for waiter in 0..<3 { _ = state.acquire(UInt64(waiter)) }
        _ = state.release(0, connected: true)
        _ = state.release(1, connected: false)
        _ = state.release(2, connected: true)

        expectEqual(state.acquireFreeSlot(), 2)
        expectEqual(state.acquireFreeSlot(), 0)
        expectEqual(state.acquireFreeSlot(), 1)
    }

    @Test("one waiter too many is refused; one that left makes room")
    func bounded() {
        var state = PoolState(size: 1, maximumWaiters: 2)
        _ = state.acquire(1)
        expectEqual(state.acquire(2), .wait)
        expectEqual(state.acquire(3), .wait)
        expectEqual(state.acquire(4), .refuse(.tooManyWaiters))
        expectEqual(state.abandon(2), true)
        expectEqual(state.abandon(2), false)
        expectEqual(state.acquire(5), .wait)
        expectEqual(state.release(0, connected: true), .handOver(to: 3))
        expectEqual(state.abandon(3), false)
        expectEqual(state.release(0, connected: true), .handOver(to: 5))
    }

    @Test("a closed pool refuses all who wait and is drained with the last slot")
    func closing() {
        var state = PoolState(size: 2, maximumWaiters: 5)
        for waiter in 1...4 { _ = state.acquire(UInt64(waiter)) }
        #expect(!state.isDrained)
        expectEqual(state.close(), [3, 4])
        expectEqual(state.acquire(5), .refuse(.closed))
        expectEqual(state.release(0, connected: true), .keep)
        expectEqual(state.acquireFreeSlot(), nil)
        expectEqual(state.release(1, connected: false), .drained)
        #expect(state.isDrained)
    }

    @Test(
        "whatever happens in whatever order, slots are neither lost nor doubled and nobody overtakes", arguments: 0..<20
    )
    func random(round: Int) {
        var generator = SystemRandomNumberGenerator()
        var state = PoolState(size: 3, maximumWaiters: 40)
        var held: [Int] = []
        var waiting: [UInt64] = []
        for waiter in 0..<UInt64(3000) {
            switch Int.random(in: 0..<5, using: &generator) {
            case 0, 1:
                switch state.acquire(waiter) {
                case .lease(let slot):
                    #expect(!held.contains(slot))
                    #expect(waiting.isEmpty)
                    held.append(slot)
                case .wait: waiting.append(waiter)
                case .refuse(let refusal):
                    #expect(refusal == .tooManyWaiters)
                    #expect(waiting.count == 40)
                }
            case 2, 3:
                guard let slot = held.randomElement(using: &generator) else { continue }
                switch state.release(slot, connected: Bool.random(using: &generator)) {
                case .handOver(let next):
                    #expect(waiting.first == next)
                    waiting.removeFirst()
                case .keep:
                    #expect(waiting.isEmpty)
                    held.removeAll { $0 == slot }
                case .drained: Issue.record("the pool is not closed")
                }
            default:
                guard let leaving = waiting.randomElement(using: &generator) else { continue }
                expectEqual(state.abandon(leaving), true)
                waiting.removeAll { $0 == leaving }
            }
            #expect(state.waiterCount == waiting.count)
            #expect(state.leasedCount == held.count)
        }
    }

    @Test("pauses double up to the limit and start anew after success")
    func backOff() {
        var backOff = BackOff(initial: .milliseconds(100), maximum: .seconds(1), jitter: 0.5)
        let pauses = (0..<6).map { _ in backOff.failed(random: 0) }
        #expect(
            pauses == [
                .milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800), .seconds(1),
                .seconds(1),
            ])
        backOff.succeeded()
        expectEqual(backOff.failed(random: 1), .milliseconds(50))
        for _ in 0..<100 { expectEqual(backOff.failed(random: 0) <= .seconds(1), true) }
    }
}
