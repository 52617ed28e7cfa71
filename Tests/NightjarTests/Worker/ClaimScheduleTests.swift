import Testing

@testable import Nightjar

/// When a worker claims, looks and waits: decided without a database and without a clock.
struct ClaimScheduleTests {
    private let start = ContinuousClock.now

    private func schedule() -> ClaimSchedule {
        ClaimSchedule(now: start, pollInterval: .seconds(1), worthwhile: 25)
    }

    @Test("It claims at the start; then, with nothing there, it only looks once an interval")
    func idle() {
        var schedule = schedule()
        #expect(schedule.next(now: start, room: 100, jitter: 1) == .claim(limit: 100, low: .min))
        schedule.claimed(count: 0, limit: 100, passes: nil, now: start)
        #expect(schedule.next(now: start, room: 100, jitter: 1) == .wait(until: start + .seconds(1)))
        #expect(schedule.next(now: start + .seconds(1), room: 100, jitter: 1) == .look())
        schedule.looked(ready: false, dueIn: nil, now: start + .seconds(1))
        #expect(schedule.next(now: start + .seconds(1), room: 100, jitter: 1) == .wait(until: start + .seconds(2)))
    }

    @Test("Looks come an interval apart; the first one, and one that was held up, set a worker apart from others")
    func apart() {
        var schedule = schedule()
        _ = schedule.next(now: start, room: 100, jitter: 0)
        schedule.claimed(count: 0, limit: 100, passes: nil, now: start)
        var now = start + .seconds(1)
        for (jitter, pause) in [(0.0, 500), (0, 1_000), (1, 1_000)] {
            #expect(schedule.next(now: now, room: 100, jitter: jitter) == .look())
            schedule.looked(ready: false, dueIn: nil, now: now)
            now += .milliseconds(pause)
            #expect(schedule.next(now: now - .milliseconds(1), room: 100, jitter: 0) == .wait(until: now))
        }
        now += .milliseconds(700)
        #expect(schedule.next(now: now, room: 100, jitter: 0) == .look())
        #expect(schedule.next(now: now, room: 100, jitter: 0) == .wait(until: now + .milliseconds(500)))
    }

    @Test("A hint that comes while a claim is on its way is not swallowed by the claim's empty answer")
    func hintMeanwhile() {
        var schedule = schedule()
        #expect(schedule.next(now: start, room: 100, jitter: 1) == .claim(limit: 100, low: .min))
        schedule.hinted()
        schedule.claimed(count: 0, limit: 100, passes: nil, now: start)
        #expect(schedule.next(now: start, room: 100, jitter: 1) == .claim(limit: 100, low: .min, overdue: .seconds(2)))
    }

    @Test(
        "It wakes for what is due, by whomever it knows of it; a look under way does not forget what was told meanwhile"
    )
    func due() {
        var schedule = schedule()
        _ = schedule.next(now: start, room: 100, jitter: 1)
        schedule.claimed(count: 0, limit: 100, passes: nil, now: start)
        schedule.expect(dueAt: start + .milliseconds(300))
        #expect(schedule.next(now: start, room: 100, jitter: 1) == .wait(until: start + .milliseconds(300)))
        schedule.looking()
        schedule.expect(dueAt: start + .milliseconds(200))
        schedule.looked(ready: false, dueIn: .milliseconds(500), now: start)
        #expect(schedule.next(now: start, room: 100, jitter: 1) == .wait(until: start + .milliseconds(200)))
        let later = start + .milliseconds(200)
        #expect(schedule.next(now: later, room: 100, jitter: 1) == .claim(limit: 100, low: .min))
        // Woken a hair too early: the database says when.
        schedule.claimed(count: 0, limit: 100, passes: nil, now: later)
        #expect(schedule.next(now: later, room: 100, jitter: 1) == .look(overdue: .seconds(2)))
    }

    @Test("A claim of what is due says when the next run is, so that no look is needed for it")
    func next() {
        var schedule = schedule()
        _ = schedule.next(now: start, room: 100, jitter: 1)
        schedule.claimed(count: 0, limit: 100, passes: nil, now: start)
        #expect(!schedule.asksNextDue)
        schedule.expect(dueAt: start + .milliseconds(10))
        let due = start + .milliseconds(10)
        _ = schedule.next(now: due, room: 100, jitter: 1)
        #expect(schedule.asksNextDue)
        // Recorded while the claim was on its way, which does not know of it.
        schedule.expect(dueAt: start + .milliseconds(40))
        schedule.claimed(count: 1, due: 1, limit: 100, passes: nil, nextDueIn: .milliseconds(50), now: due)
        #expect(schedule.next(now: due, room: 100, jitter: 1) == .wait(until: start + .milliseconds(40)))
        let later = start + .milliseconds(40)
        _ = schedule.next(now: later, room: 100, jitter: 1)
        schedule.claimed(count: 1, due: 1, limit: 100, passes: nil, nextDueIn: .some(nil), now: later)
        let action = schedule.next(now: later, room: 100, jitter: 1)
        guard case .wait(let until) = action else {
            Issue.record("\(action)")
            return
        }
        #expect(until > later)
    }

    @Test("Behind a backlog it waits for room worth a round trip, but not for ever, and reads on from where it was")
    func backlog() {
        var schedule = schedule()
        _ = schedule.next(now: start, room: 100, jitter: 1)
        schedule.claimed(count: 100, limit: 100, passes: 7...106, now: start)
        #expect(schedule.next(now: start, room: 5, jitter: 1) == .wait(until: start + .milliseconds(20)))
        #expect(schedule.next(now: start, room: 25, jitter: 1) == .claim(limit: 25, low: 7, overdue: .seconds(2)))
        schedule.claimed(count: 25, limit: 25, passes: 9...106, now: start)
        #expect(
            schedule.next(now: start + .milliseconds(20), room: 1, jitter: 1)
                == .claim(limit: 1, low: 9, overdue: .milliseconds(2_020)))
        // Runs that came back keep their old place: once a second all is read.
        schedule.claimed(count: 1, limit: 1, passes: 10...10, now: start + .milliseconds(20))
        #expect(schedule.next(now: start + .seconds(1), room: 50, jitter: 1) == .look())
        #expect(schedule.next(now: start + .seconds(1), room: 50, jitter: 1) == .claim(limit: 50, low: .min))
    }

    @Test("A short answer from the watermark upwards says nothing about what lies below it")
    func watermark() {
        var schedule = schedule()
        _ = schedule.next(now: start, room: 100, jitter: 1)
        schedule.claimed(count: 100, limit: 100, passes: 7...106, now: start)
        #expect(schedule.next(now: start, room: 100, jitter: 1) == .claim(limit: 100, low: 7, overdue: .seconds(2)))
        schedule.claimed(count: 3, limit: 100, passes: 8...9, now: start)
        #expect(schedule.next(now: start, room: 100, jitter: 1) == .claim(limit: 100, low: .min, overdue: .seconds(2)))
        schedule.claimed(count: 0, limit: 100, passes: nil, now: start)
        // What was due for longer, or lies below, is found as soon as all is read again.
        let soon = start + .milliseconds(100)
        #expect(schedule.next(now: start, room: 100, jitter: 1) == .wait(until: soon))
        #expect(schedule.next(now: soon, room: 100, jitter: 1) == .look())
        schedule.looked(ready: false, dueIn: nil, now: soon)
        #expect(schedule.next(now: soon, room: 100, jitter: 1) == .wait(until: soon + .seconds(1)))
    }

    @Test("In a shared app, more due than is claimed is dealt out; a short answer to that is not the last word")
    func dealing() {
        var schedule = ClaimSchedule(now: start, pollInterval: .seconds(1), worthwhile: 1, isShared: true)
        func claim(count: Int, due: Int = 0, old: Int, limit: Int = 100) -> Bool {
            _ = schedule.next(now: start, room: limit, jitter: 1)
            schedule.claimed(count: count, due: due, old: old, limit: limit, passes: nil, now: start)
            return schedule.dealsAfter != nil
        }
        #expect(!claim(count: 100, old: 0))
        #expect(!claim(count: 100, old: 49))
        #expect(claim(count: 100, due: 100, old: 100))
        // Half of it new.
        #expect(claim(count: 100, due: 50, old: 50))
        #expect(!claim(count: 100, due: 20, old: 20))
        // With room for one, a new one says nothing yet.
        #expect(claim(count: 1, due: 1, old: 1, limit: 1))
        for _ in 1...7 { #expect(claim(count: 1, old: 0, limit: 1)) }
        #expect(!claim(count: 1, old: 0, limit: 1))
        #expect(claim(count: 1, due: 1, old: 1, limit: 1))
        #expect(!claim(count: 0, old: 0))
        let again = schedule.next(now: start, room: 100, jitter: 1)
        guard case .claim = again else {
            Issue.record("\(again)")
            return
        }
        schedule.claimed(count: 0, limit: 100, passes: nil, now: start)
        let last = schedule.next(now: start, room: 100, jitter: 1)
        guard case .wait = last else {
            Issue.record("\(last)")
            return
        }

        var own = self.schedule()
        _ = own.next(now: start, room: 100, jitter: 1)
        own.claimed(count: 100, due: 100, old: 100, limit: 100, passes: nil, now: start)
        #expect(own.dealsAfter == nil)
    }

    @Test("A deal that new runs have filled up has brought all that is due: not every claim reads all")
    func dealingReach() {
        var schedule = ClaimSchedule(now: start, pollInterval: .seconds(60), worthwhile: 1, isShared: true)
        schedule.admitted()
        var now = start
        var all = 0
        for number in 0..<200 {
            guard case .claim(_, _, let overdue) = schedule.next(now: now, room: 100, jitter: 1) else {
                Issue.record("no claim")
                return
            }
            if number > 1, overdue == nil { all += 1 }
            let old = number == 0 ? 100 : 40
            schedule.claimed(count: 100, due: old, old: old, limit: 100, passes: 1_000...2_000, now: now)
            now += .milliseconds(10)
        }
        #expect(schedule.dealsAfter != nil)
        #expect(all < 40, "\(all)")
    }

    @Test("Without room it claims nothing, and still looks")
    func full() {
        var schedule = schedule()
        #expect(schedule.next(now: start, room: 0, jitter: 1) == .wait(until: start + .seconds(1)))
        #expect(schedule.next(now: start + .seconds(1), room: 0, jitter: 1) == .look())
    }

    @Test("What was admitted to execute may come before what was claimed: all is read")
    func admitted() {
        let start = ContinuousClock.now
        var schedule = ClaimSchedule(now: start, pollInterval: .seconds(3_600), worthwhile: 1)
        _ = schedule.next(now: start, room: 10, jitter: 1)
        schedule.claimed(count: 1, limit: 10, passes: 7...7, now: start)
        schedule.hinted()
        let bounded = schedule.next(now: start, room: 10, jitter: 1)
        schedule.claimed(count: 0, limit: 10, passes: nil, now: start)
        #expect(bounded == .claim(limit: 10, low: .min, overdue: .seconds(2)))
        schedule.admitted()
        let all = schedule.next(now: start, room: 10, jitter: 1)
        #expect(all == .claim(limit: 10, low: .min))
    }
}
