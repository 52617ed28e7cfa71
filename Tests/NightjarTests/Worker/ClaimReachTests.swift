import Testing

@testable import Nightjar

/// How far back claims and looks read: decided without a database and without a clock.
struct ClaimReachTests {
    private let start = ContinuousClock.now

    @Test("It reads all at first, then what is new since a second or two ago, and all again when that costs little")
    func bounds() {
        var reach = ClaimReach()
        #expect(reach.floor(now: start) == .min)
        #expect(reach.ask(now: start) == nil)
        reach.answered(hasAllDue: true, highest: 10, now: start + .milliseconds(1))

        // The time to be open in that a transaction has.
        #expect(reach.ask(now: start + .milliseconds(50)) == .milliseconds(2_050))
        reach.answered(hasAllDue: true, highest: 20, now: start + .milliseconds(51))
        #expect(reach.floor(now: start + .seconds(1)) == .min)
        #expect(reach.floor(now: start + .seconds(2)) == 20)
        #expect(reach.ask(now: start + .seconds(2)) == nil)
    }

    @Test("The longer it takes to read all, the less often that is done, but for 5 s at most")
    func pace() {
        var reach = ClaimReach()
        var now = start
        for (cost, pause) in [(1, 100), (40, 2_000), (900, 5_000)] {
            #expect(reach.ask(now: now) == nil)
            now += .milliseconds(cost)
            reach.answered(hasAllDue: true, highest: nil, now: now)
            #expect(reach.ask(now: now + .milliseconds(pause - 1)) != nil)
            reach.answered(hasAllDue: false, highest: nil, now: now + .milliseconds(pause - 1))
            now += .milliseconds(pause)
        }
    }

    @Test("Where something is known to lie below, all is read until a claim has brought all that was due")
    func demand() {
        var reach = ClaimReach()
        _ = reach.ask(now: start)
        reach.answered(hasAllDue: true, highest: nil, now: start)
        reach.demandAll()
        #expect(reach.ask(now: start) == nil)
        reach.answered(hasAllDue: false, highest: nil, now: start)
        #expect(reach.ask(now: start) == nil)
        reach.answered(hasAllDue: true, highest: nil, now: start)
        #expect(reach.ask(now: start) == .seconds(2))
    }
}
