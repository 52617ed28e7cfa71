import Testing

@testable import Nightjar

/// What may be taken for granted of a fair queue: decided without a database and without a clock.
struct FairOrderTests {
    private let start = ContinuousClock.now

    @Test("Claims of a fair queue begin no later than where they were said to have come to")
    func bounds() {
        var order = FairOrder()
        #expect(order.isDue(now: start))
        #expect(order.bounds(5...90) == 5...90)
        order.answered(isFair: true, pass: 5, now: start)
        #expect(order.bounds(5...90) == 5...5)
        #expect(!order.isDue(now: start + .milliseconds(99)))
        #expect(order.bounds(91...200) == 5...5)
        #expect(order.bounds(2...80) == 2...5)
        #expect(order.bounds(nil) == nil)
        order.answered(isFair: true, pass: 91, now: start + .milliseconds(100))
        #expect(order.bounds(91...200) == 91...91)
        order.answered(isFair: true, pass: 40, now: start + .milliseconds(200))
        #expect(order.bounds(95...99) == 91...91)
    }

    @Test("A queue that is not fair is asked about rarely, and counts as claimed to the highest")
    func unfair() {
        var order = FairOrder()
        order.answered(isFair: false, pass: 5, now: start)
        #expect(order.bounds(5...90) == 5...90)
        #expect(!order.isDue(now: start + .seconds(9)))
        #expect(order.isDue(now: start + .seconds(10)))
    }
}
