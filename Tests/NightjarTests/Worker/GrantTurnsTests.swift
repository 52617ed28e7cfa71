import Testing

@testable import Nightjar

struct GrantTurnsTests {
    private struct Failure: Error {}

    @Test("One asks at a time; one that fails, or is cancelled, does not keep the others waiting")
    func turns() async throws {
        let turns = GrantTurns()
        let executing = Counter()
        await withTaskGroup { group in
            for number in 0..<100 {
                group.addTask {
                    try? await turns.take {
                        let count = await executing.enter()
                        #expect(count == 1)
                        await Task.yield()
                        await executing.leave()
                        if number % 3 == 0 { throw Failure() }
                    }
                }
            }
            group.cancelAll()
        }
        let entered = await executing.entered
        #expect(entered == 100)
    }

    private actor Counter {
        private var count = 0
        private(set) var entered = 0
        func enter() -> Int {
            count += 1
            entered += 1
            return count
        }
        func leave() { count -= 1 }
    }
}
