import Testing

@testable import Nightjar

/// What a worker holds that has not begun.
struct LocalQueueTests {
    private let start = ContinuousClock.now

    @Test("It begins no more than may execute, in order")
    func order() {
        var queue = LocalQueue<Int>(concurrency: 2, capacity: 10)
        queue.add(1...3, now: start)
        #expect(queue.begin() == 1)
        #expect(queue.begin() == 2)
        #expect(queue.begin() == nil)
        queue.finished()
        #expect(queue.begin() == 3)
        #expect(queue.count == 0)
        #expect(queue.executing == 2)
    }

    @Test("It wants what fills the slots, and beyond that no more than it lately finished, up to its capacity")
    func room() {
        var queue = LocalQueue<Int>(concurrency: 10, capacity: 50)
        #expect(queue.room == 10)
        queue.add(0..<10, now: start)
        #expect(queue.room == 0)
        for _ in 0..<10 { _ = queue.begin() }
        for _ in 0..<10 { queue.finished() }
        #expect(queue.room == 20)
        for round in 0..<100 {
            queue.add([round], now: start)
            _ = queue.begin()
            queue.finished()
        }
        #expect(queue.room == 60)
        // Two quiet seconds later nothing speaks for holding any in advance.
        _ = queue.tick(giveBackClaimedBefore: start)
        _ = queue.tick(giveBackClaimedBefore: start)
        #expect(queue.room == 10)
    }

    @Test("It gives back what did not begin in time, and only that")
    func giveBack() {
        var queue = LocalQueue<Int>(concurrency: 1, capacity: 10)
        queue.add(1...3, now: start)
        queue.add(4...5, now: start + .seconds(2))
        #expect(queue.begin() == 1)
        #expect(queue.tick(giveBackClaimedBefore: start + .seconds(1)) == [2, 3])
        queue.finished()
        #expect(queue.begin() == 4)
        #expect(queue.close() == [5])
        #expect(queue.room == 0)
        #expect(!queue.isOpen)
    }
}
