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
        reach.answered(hasAllDue: true, passes: 10...10, now: start + .milliseconds(1))

        // The time to be open in that a transaction has.
        #expect(reach.ask(now: start + .milliseconds(50)) == .milliseconds(2_050))
        reach.answered(hasAllDue: true, passes: 20...20, now: start + .milliseconds(51))
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
            reach.answered(hasAllDue: true, passes: nil, now: now)
            #expect(reach.ask(now: now + .milliseconds(pause - 1)) != nil)
            reach.answered(hasAllDue: false, passes: nil, now: now + .milliseconds(pause - 1))
            now += .milliseconds(pause)
        }
    }

    @Test("Where something is known to lie below, all is read until a claim has brought all that was due")
    func demand() {
        var reach = ClaimReach()
        _ = reach.ask(now: start)
        reach.answered(hasAllDue: true, passes: nil, now: start)
        reach.demandAll()
        #expect(reach.ask(now: start) == nil)
        reach.answered(hasAllDue: false, passes: nil, now: start)
        #expect(reach.ask(now: start) == nil)
        reach.answered(hasAllDue: true, passes: nil, now: start)
        #expect(reach.ask(now: start) == .seconds(2))
    }

    @Test("What is demanded while a question is on its way is not answered by it")
    func demandMeanwhile() {
        var reach = ClaimReach()
        #expect(reach.ask(now: start) == nil)
        reach.demandAll()
        reach.answered(hasAllDue: true, passes: nil, now: start)
        #expect(reach.ask(now: start) == nil)
        reach.answered(hasAllDue: true, passes: nil, now: start)
        #expect(reach.ask(now: start) == .seconds(2))
    }

    @Test("A backlog below the bounds is drained: all is read as long as full answers begin below them")
    func backlogBelow() {
        var reach = ClaimReach()
        _ = reach.ask(now: start)
        reach.answered(hasAllDue: true, passes: 100...1_000, now: start)
        #expect(reach.floor(now: start + .seconds(1)) == .min)
        let now = start + .seconds(3)
        #expect(reach.floor(now: now) == 1_000)
        // A transaction that was open for long has committed: 20 runs, of which each claim brings 10.
        #expect(reach.ask(now: now) == nil)
        reach.answered(hasAllDue: true, isFull: true, passes: 10...19, now: now)
        #expect(reach.ask(now: now) == nil)
        reach.answered(hasAllDue: true, isFull: true, passes: 20...29, now: now)
        #expect(reach.ask(now: now) == nil)
        reach.answered(hasAllDue: true, passes: nil, now: now)
        #expect(reach.ask(now: now) == .seconds(2))
        // A backlog above them is none of these.
        #expect(reach.ask(now: now + .milliseconds(200)) == nil)
        reach.answered(hasAllDue: true, isFull: true, passes: 1_001...1_010, now: now + .milliseconds(200))
        #expect(reach.ask(now: now + .milliseconds(200)) == .seconds(2))
    }
}
