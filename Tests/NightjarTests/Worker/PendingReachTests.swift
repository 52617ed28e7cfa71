import Testing

@testable import Nightjar

/// From where on what is pending is read: decided without a database and without a clock.
struct PendingReachTests {
    private let start = ContinuousClock.now

    private func read(_ reach: PendingReach, at milliseconds: Int, sequence: Int64, took: Duration = .milliseconds(10))
        -> Int64
    {
        let now = start + .milliseconds(milliseconds)
        let after = reach.after(now: now)
        reach.read(after: after, sequence: sequence, took: took, now: now)
        return after
    }

    @Test("As long as reading all takes no time, all is read")
    func cheap() {
        let reach = PendingReach()
        for second in 0..<5 {
            #expect(read(reach, at: second * 1_000, sequence: Int64(second), took: .milliseconds(1)) == 0)
            #expect(reach.owedAt == nil)
        }
    }

    @Test(
        "Else reads begin where those of a second or two ago ended, and one of all is owed, after 50 times what it takes"
    )
    func bounded() {
        let reach = PendingReach()
        #expect(read(reach, at: 0, sequence: 100, took: .milliseconds(60)) == 0)
        // Nothing is known to be old enough yet.
        #expect(read(reach, at: 500, sequence: 200) == 0)
        #expect(read(reach, at: 1_100, sequence: 300, took: .milliseconds(100)) == 0)
        #expect(read(reach, at: 2_200, sequence: 400) == 200)
        #expect(reach.owedAt == start + .milliseconds(1_100 + 5_000))
    }

    @Test("What somebody had locked is looked for among all")
    func demand() {
        let reach = PendingReach()
        for second in 0..<3 {
            _ = read(reach, at: second * 1_000, sequence: Int64(second + 1) * 100, took: .seconds(1))
        }
        #expect(read(reach, at: 3_000, sequence: 400) != 0)
        reach.demandAll()
        #expect(read(reach, at: 3_001, sequence: 500) == 0)
        #expect(reach.owedAt == nil)
    }
}
