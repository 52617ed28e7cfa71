/// First in, first out, with cheap removal from the middle.
///
/// Removed waiters leave a hole that is skipped later; holes never outnumber the waiters by much, because the queue
/// is compacted when they do.
struct WaiterQueue {
    private var order: [UInt64] = []
    private var head = 0
    private var present: Set<UInt64> = []

    var count: Int { present.count }

    mutating func append(_ waiter: UInt64) {
        order.append(waiter)
        present.insert(waiter)
    }

    mutating func removeFirst() -> UInt64? {
        while head < order.count {
            let waiter = order[head]
            head += 1
            if present.remove(waiter) != nil {
                compact()
                return waiter
            }
        }
        compact()
        return nil
    }

    mutating func remove(_ waiter: UInt64) -> Bool {
        guard present.remove(waiter) != nil else { return false }
        compact()
        return true
    }

    mutating func removeAll() -> [UInt64] {
        let remaining = order[head...].filter(present.contains)
        self = WaiterQueue()
        return Array(remaining)
    }

    private mutating func compact() {
        guard order.count > 32, order.count > 2 * present.count else { return }
        order = order[head...].filter(present.contains)
        head = 0
    }
}
