internal import Foundation

/// Decides when to ask for slots, and with what. Pure: time comes in, questions go out.
///
/// Runs that wait for slots become known as others do: by a hint, a due time, the poll. Besides, every run that parks or ends
/// gives slots back, for those that are blocked. See `grant_slots.sql`.
struct SlotSchedule {
    typealias Instant = ContinuousClock.Instant

    /// What one call asks.
    struct Question: Sendable, Equatable {
        /// How many runs it wants.
        var most: Int
        /// Runs that may have given slots back.
        var released: Set<UUID>
        /// Keys that an earlier call left over.
        var again: Set<UUID>
        /// Whether to look for slots of which nobody says that they are free.
        var sweeps: Bool
        /// How far that has come: in the slots, and in the keys on which runs are blocked; nil: from the beginning.
        var swept: UUID?
        var probed: UUID?
    }

    /// What it brought.
    struct Answer: Sendable {
        var granted = 0
        /// How many runs of other apps were offered a slot.
        var elsewhere = 0
        var hasMore = false
        var nextIn: Duration?
        var leftOver: [UUID] = []
        var swept: UUID?
        var probed: UUID?
    }

    /// One call locks no more runs than it can look at within some 15 ms.
    static let mostAtOnce = 250

    /// Whether there are limits here at all. Once: for as long as the process lives.
    var isActive: Bool
    /// The next moment at which something is due.
    private(set) var dueAt: Instant?
    private var isWanted = false
    private var released: Set<UUID> = []
    private var again: Set<UUID> = []
    private var sweeps = false
    private var swept: UUID?
    private var probed: UUID?
    private var expectedMeanwhile: Instant?
    /// How many runs were granted that have not been claimed yet, as far as this worker knows.
    private var promised = 0
    /// Nothing is asked any more: nobody would claim it. What others are to know of, their sweeps find.
    private var isClosed = false

    init(isActive: Bool) { self.isActive = isActive }

    /// Whether something may be granted that there was no room for.
    var waitsForRoom: Bool { isActive && (isWanted || !again.isEmpty) }

    /// - Parameter room: How many more runs the worker would take.
    mutating func next(now: Instant, room: Int) -> Question? {
        guard !isClosed else { return nil }
        let room = max(0, room - promised)
        let isDue = dueAt.map { $0 <= now } ?? false
        if isDue {
            dueAt = nil
            isWanted = true
        }
        // What this worker has released is granted whether it has room or not: nobody else knows of it.
        guard isActive, !released.isEmpty || room > 0 && (isWanted || sweeps || !again.isEmpty) else { return nil }
        let question = Question(
            most: min(max(room, released.count), Self.mostAtOnce), released: released, again: again,
            sweeps: sweeps && room > 0, swept: swept, probed: probed)
        isWanted = false
        released = []
        again = []
        if question.sweeps { sweeps = false }
        expectedMeanwhile = nil
        return question
    }

    /// Says whether to ask again at once.
    mutating func answered(_ question: Question, _ answer: Answer, now: Instant) -> Bool {
        promised += answer.granted
        // It found what nobody told of; there may be more of that.
        let sweepsOn = question.sweeps && answer.granted > 0 && (answer.swept != nil || answer.probed != nil)
        if question.sweeps { (swept, probed) = (answer.swept, answer.probed) }
        if sweepsOn { sweeps = true }
        again.formUnion(answer.leftOver)
        isWanted = isWanted || answer.hasMore
        dueAt = [answer.nextIn.map { now + max($0, .milliseconds(1)) }, expectedMeanwhile].compactMap { $0 }.min()
        return sweepsOn || answer.granted == 0 && answer.hasMore
    }

    /// A claim has brought so many runs that hold slots.
    /// - Parameter isAll: Whether it brought all that there was.
    mutating func claimed(_ count: Int, isAll: Bool) {
        if count > 0 { isActive = true }
        promised = isAll ? 0 : max(0, promised - count)
    }

    /// The question was not answered.
    mutating func failed(_ question: Question) {
        isWanted = true
        released.formUnion(question.released)
        again.formUnion(question.again)
        sweeps = sweeps || question.sweeps
    }

    /// This worker claims no more.
    mutating func close() { isClosed = true }

    /// Something may wait for slots.
    mutating func hinted() { isWanted = true }

    /// These may have given slots back.
    mutating func released(_ runs: some Sequence<UUID>) {
        if isActive { released.formUnion(runs) }
    }

    /// The poll: whatever nobody says.
    mutating func polled(isLimited: Bool) {
        if isLimited { isActive = true }
        sweeps = true
        isWanted = isWanted || isLimited
    }

    /// A run will be due; the one who recorded that watches it.
    mutating func expect(dueAt instant: Instant) {
        dueAt = min(dueAt ?? instant, instant)
        expectedMeanwhile = min(expectedMeanwhile ?? instant, instant)
    }
}
