import Foundation
import NightjarCore
import Testing

@testable import NightjarServer

/// Numbers that look random and are the same every time.
struct ReplayDice: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

@Suite("Remote runs: replay")
struct RemoteReplayTests {
    /// A function at random; names its steps in order.
    private func flow(_ depth: Int, _ count: inout Int, _ generator: inout ReplayDice) -> Flow {
        count += 1
        let id = "s\(count)"
        switch Int.random(in: 0..<(depth > 0 ? 10 : 6), using: &generator) {
        case 0: return .sleep(id, [0.5, 3, 100].randomElement(using: &generator) ?? 1)
        case 1: return .wait(id, 50)
        case 2..<6: return .step(id)
        case 6..<8:
            return .sequence(
                (0..<Int.random(in: 1...3, using: &generator)).map { _ in flow(depth - 1, &count, &generator) })
        default:
            return .parallel(
                (0..<Int.random(in: 2...4, using: &generator)).map { _ in flow(depth - 1, &count, &generator) })
        }
    }

    private func world(_ seed: Int, deaths: Set<Int> = []) -> (RemoteWorld, FakeApp) {
        var generator = ReplayDice(seed)
        var count = 0
        let flow = Flow.sequence([
            flow(2, &count, &generator), flow(2, &count, &generator), flow(1, &count, &generator),
        ])
        let app = FakeApp(
            flow, version: Bool.random(using: &generator) ? 2 : 1,
            isRacing: Int.random(in: 0..<4, using: &generator) == 0)
        var world = RemoteWorld()
        world.options.retries = 4
        world.deaths = deaths
        for step in 1...count {
            if Int.random(in: 0..<5, using: &generator) == 0 {
                app.failures["s\(step)"] = Int.random(in: 1...3, using: &generator)
            }
        }
        for step in 1...count where Bool.random(using: &generator) {
            let date = RemoteWorld.start + Double.random(in: 0..<200, using: &generator)
            let event = "{\"id\":\"e\",\"name\":\"test/awaited\",\"data\":{},\"ts\":1}"
            world.coming.append((date, Arrival(step: "s\(step)", output: event)))
        }
        var order = generator
        world.choose = { Int.random(in: 0..<$0, using: &order) }
        return (world, app)
    }

    @Test("Dying after any commit changes nothing, and no recorded step is executed again", arguments: 0..<60)
    func deaths(seed: Int) {
        var (calm, calmApp) = world(seed)
        calm.run { call, _ in calmApp.answer(call) }
        #expect(calm.outcome == .completed(output: "\"done\""))
        let recorded = Set(calm.memo.map(\.step))
        for death in 1...calm.commits.count {
            var (world, app) = world(seed, deaths: [death, death + 2])
            world.run { call, _ in app.answer(call) }
            #expect(world.outcome == calm.outcome, "seed \(seed), death \(death)")
            let steps = world.memo.map(\.step)
            #expect(Set(steps) == recorded && steps.count == recorded.count, "seed \(seed), death \(death): \(steps)")
            #expect(world.violations.isEmpty, "seed \(seed), death \(death): \(world.violations)")
            #expect(app.repeated.isEmpty && app.complaints.isEmpty, "seed \(seed), death \(death): \(app.complaints)")
        }
        #expect(calm.violations.isEmpty)
        #expect(calmApp.repeated.isEmpty && calmApp.complaints.isEmpty)
        let failures = calm.attempts.count
        #expect(calmApp.executed.values.reduce(0, +) == recorded.count { calmApp.executed[$0] != nil } + failures)
    }

    @Test("Moments of records are all different, and in order")
    func moments() {
        for seed in 0..<20 {
            var (world, app) = world(seed)
            world.run { call, _ in app.answer(call) }
            let moments = world.memo.map(\.endedAt)
            let isOrdered = zip(moments, moments.dropFirst()).allSatisfy { $0 < $1 }
            #expect(isOrdered)
        }
    }
}
