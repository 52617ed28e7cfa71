/// Claimed runs that have not begun, and how many more are wanted. Pure.
///
/// A worker holds no more of them than it lately finished within a second: enough to keep every slot busy between two
/// claims, and nothing that another worker could have begun at once.
struct LocalQueue<Run> {
    typealias Instant = ContinuousClock.Instant

    private struct Entry {
        /// Nil once it has begun: what a run carries may be large.
        var run: Run?
        var claimedAt: Instant
    }

    private let concurrency: Int
    private let capacity: Int
    private var entries: [Entry] = []
    private var head = 0
    private(set) var executing = 0
    private var finishedLately = 0
    private var finishedBefore = 0
    private(set) var isOpen = true

    /// - Parameters:
    ///   - concurrency: how many runs execute at once.
    ///   - capacity: how many more may wait here.
    init(concurrency: Int, capacity: Int) {
        self.concurrency = concurrency
        self.capacity = capacity
    }

    var count: Int { entries.count - head }

    /// How many more runs to claim.
    var room: Int {
        guard isOpen else { return 0 }
        let spare = min(capacity, finishedLately + finishedBefore)
        return max(0, concurrency + spare - executing - count)
    }

    mutating func add(_ runs: some Sequence<Run>, now: Instant) {
        entries.append(contentsOf: runs.map { Entry(run: $0, claimedAt: now) })
    }

    /// The next run to begin, if a slot is free.
    mutating func begin() -> Run? {
        guard executing < concurrency, head < entries.count else { return nil }
        executing += 1
        return takeFirst()
    }

    mutating func finished() {
        executing -= 1
        finishedLately += 1
    }

    /// Once a second: answers what has waited here since before `deadline`, for others to begin.
    mutating func tick(giveBackClaimedBefore deadline: Instant) -> [Run] {
        finishedBefore = finishedLately
        finishedLately = 0
        let stale = entries[head...].prefix { $0.claimedAt < deadline }.count
        return (0..<stale).compactMap { _ in takeFirst() }
    }

    private mutating func takeFirst() -> Run? {
        let run = entries[head].run
        entries[head].run = nil
        head += 1
        if head == entries.count || head > 1_024 && head * 2 > entries.count {
            entries.removeFirst(head)
            head = 0
        }
        return run
    }

    /// Takes out those that match and have not begun.
    mutating func remove(where matches: (Run) -> Bool) -> [Run] {
        let removed = entries[head...].compactMap(\.run).filter(matches)
        if !removed.isEmpty { entries = entries[head...].filter { $0.run.map { !matches($0) } ?? true }; head = 0 }
        return removed
    }

    /// No more runs; answers those that have not begun.
    mutating func close() -> [Run] {
        isOpen = false
        return drain()
    }

    /// Takes out all that has not begun.
    mutating func drain() -> [Run] {
        let runs = entries[head...].compactMap(\.run)
        entries = []
        head = 0
        return runs
    }
}
