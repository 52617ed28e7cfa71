/// The decisions of a pool: who gets which slot, who waits, who is refused. No clock, no I/O.
///
/// A slot stands for a connection that may be open or not; whoever holds the slot opens it.
struct PoolState {
    /// What happens to a caller.
    enum Admission: Equatable {
        case lease(slot: Int)
        case wait
        case refuse(Refusal)
    }

    enum Refusal: Equatable {
        case tooManyWaiters
        case closed
    }

    /// What happens to a slot that was given back.
    enum Return: Equatable {
        case handOver(to: UInt64)
        case keep
        /// The pool is closing and this was the last slot in use.
        case drained
    }

    private let maximumWaiters: Int
    /// The slot used last is at the end and is taken first, so that few connections stay warm.
    private var free: [Int]
    private var leased: Set<Int> = []
    private var waiters = WaiterQueue()
    private(set) var isClosed = false

    init(size: Int, maximumWaiters: Int) {
        self.maximumWaiters = maximumWaiters
        free = Array((0..<size).reversed())
    }

    var waiterCount: Int { waiters.count }

    var leasedCount: Int { leased.count }

    var isDrained: Bool { isClosed && leased.isEmpty }

    /// A free slot overtakes nobody: while there is one, nobody waits.
    mutating func acquireFreeSlot() -> Int? {
        guard !isClosed, let slot = free.popLast() else { return nil }
        leased.insert(slot)
        return slot
    }

    mutating func acquire(_ waiter: UInt64) -> Admission {
        guard !isClosed else { return .refuse(.closed) }
        if let slot = acquireFreeSlot() { return .lease(slot: slot) }
        guard waiters.count < maximumWaiters else { return .refuse(.tooManyWaiters) }
        waiters.append(waiter)
        return .wait
    }

    /// - Parameter connected: A slot without a connection is the last to be taken again.
    mutating func release(_ slot: Int, connected: Bool) -> Return {
        precondition(leased.contains(slot), "slot \(slot) was given back twice")
        if let waiter = waiters.removeFirst() { return .handOver(to: waiter) }
        leased.remove(slot)
        if connected { free.append(slot) } else { free.insert(slot, at: 0) }
        return isDrained ? .drained : .keep
    }

    /// Takes a waiter out of the queue.
    ///
    /// - Returns: False if it is not there any more, because it got a slot or was refused.
    mutating func abandon(_ waiter: UInt64) -> Bool {
        waiters.remove(waiter)
    }

    /// Refuses everybody from now on.
    ///
    /// - Returns: Those who waited.
    mutating func close() -> [UInt64] {
        isClosed = true
        return waiters.removeAll()
    }
}
