import Synchronization

/// A number that several tasks add to.
final class Counter: Sendable {
    private let value = Atomic<Int>(0)

    var total: Int { value.load(ordering: .relaxed) }

    /// Answers the number as it was before.
    @discardableResult
    func add(_ amount: Int) -> Int { value.add(amount, ordering: .relaxed).oldValue }
}
