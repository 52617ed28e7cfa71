import Foundation
import NightjarCore
import Synchronization
import Testing

/// Random functions, executed with random parks, failures, refusals and lost answers, against a sequential model.
@Suite("Random runs", .timeLimit(.minutes(5)))
struct RandomRunTests {
    indirect enum Tree: Sendable {
        case step(String, value: Int, failures: Int)
        case sleep(String, seconds: Int)
        case send(String)
        case sequence([Tree])
        case parallel([Tree], asLets: Bool)
        /// The tree against a sleep that is longer than all others together, and that is cancelled in the end.
        case race(Tree, against: String)

        /// What the tree returns, executed without any trouble.
        var value: Int {
            switch self {
            case .step(_, let value, _): value
            case .sleep, .send: 1
            case .sequence(let trees): trees.reduce(0) { ($0 &* 31) &+ $1.value }
            case .parallel(let trees, _): trees.reduce(0) { $0 &+ $1.value }
            case .race(let tree, _): tree.value
            }
        }

        var ids: [String] {
            switch self {
            case .step(let id, _, _), .sleep(let id, _), .send(let id): [id]
            case .sequence(let trees), .parallel(let trees, _): trees.flatMap(\.ids)
            case .race(let tree, let id): [id] + tree.ids
            }
        }
    }

    /// A small generator whose numbers depend on the seed alone.
    struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    final class World: Sendable {
        private let failures = Mutex<[String: Int]>([:])
        private let random: Mutex<Random>
        let executedAfterRecord = Journal()
        let executed = Journal()

        init(seed: UInt64) { random = Mutex(Random(state: seed)) }

        func chance(_ percent: Int) -> Bool { random.withLock { Int.random(in: 0..<100, using: &$0) < percent } }

        /// Whether this execution of a step's body fails, of which it has so many to come.
        func fails(_ id: String, of planned: Int) -> Bool {
            failures.withLock { failures in
                guard failures[id, default: 0] < planned else { return false }
                failures[id, default: 0] += 1
                return true
            }
        }
    }

    static func tree(_ random: inout Random, depth: Int, count: inout Int) -> Tree {
        count += 1
        let id = "n\(count)"
        let kind = depth == 0 ? Int.random(in: 0..<10, using: &random) : Int.random(in: 0..<20, using: &random)
        switch kind {
        case 0..<7:
            return .step(id, value: count * 7, failures: Int.random(in: 0..<8, using: &random) == 0 ? 2 : 0)
        case 7..<9:
            return .sleep(id, seconds: Int.random(in: 0..<5, using: &random))
        case 9:
            return .send(id)
        case 10:
            return .race(tree(&random, depth: depth - 1, count: &count), against: id)
        default:
            let width = Int.random(in: 1...4, using: &random)
            var children: [Tree] = []
            for _ in 0..<width { children.append(tree(&random, depth: depth - 1, count: &count)) }
            return kind < 15
                ? .sequence(children) : .parallel(children, asLets: Bool.random(using: &random))
        }
    }

    static func execute(_ tree: Tree, _ step: Step, _ world: World, _ memo: @escaping @Sendable () -> [RecordedStep])
        async throws -> Int
    {
        switch tree {
        case .step(let id, let value, let failures):
            return try await step.run(id) {
                world.executed.note(id)
                if memo().contains(where: { $0.step == id }) { world.executedAfterRecord.note(id) }
                if world.chance(20) { await Task.yield() }
                if world.fails(id, of: failures) { throw TestFailure() }
                return value
            }
        case .sleep(let id, let seconds):
            try await step.sleep(id, for: .seconds(seconds))
            return 1
        case .send(let id):
            try await step.sendEvent(id, NewEvent(name: "app/sent", data: ["id": .string(id)]))
            return 1
        case .sequence(let trees):
            var result = 0
            for tree in trees { result = (result &* 31) &+ (try await execute(tree, step, world, memo)) }
            return result
        case .race(let tree, let id):
            return try await withThrowingTaskGroup(of: Int?.self) { group in
                group.addTask { try await execute(tree, step, world, memo) }
                group.addTask {
                    do {
                        try await step.sleep(id, for: .seconds(1_000_000))
                    } catch is CancellationError {}
                    return nil
                }
                let winner = try await group.next() ?? nil
                group.cancelAll()
                _ = try await group.next()
                return winner ?? -1
            }
        case .parallel(let trees, asLets: true):
            async let first = execute(.sequence([trees[0]]), step, world, memo)
            async let rest =
                trees.count > 1 ? execute(.parallel(Array(trees.dropFirst()), asLets: true), step, world, memo) : 0
            return try await first &+ rest
        case .parallel(let trees, asLets: false):
            return try await withThrowingTaskGroup(of: Int.self) { group in
                for tree in trees { group.addTask { try await execute(tree, step, world, memo) } }
                return try await group.reduce(0, &+)
            }
        }
    }

    @Test("every step is recorded once, never executed again, and the result is the model's", arguments: 0..<40)
    func random(block: Int) async throws {
        for round in 0..<10 {
            let seed = UInt64(block * 1000 + round)
            var random = Random(state: seed)
            var count = 0
            var children: [Tree] = []
            for _ in 0..<5 { children.append(Self.tree(&random, depth: 4, count: &count)) }
            let tree = seed % 2 == 0 ? Tree.sequence(children) : .parallel(children, asLets: seed % 3 == 0)
            let world = World(seed: seed ^ 0xABCD)
            let memo = Mutex<(@Sendable () -> [RecordedStep])?>(nil)
            let definition = FunctionDefinition.test { step in
                try await Self.execute(tree, step, world) { memo.withLock { $0 }?() ?? [] }
            }
            let store = RunStore(
                definition, clock: Bool.random(using: &random) ? .ticking : ManualClock().runClock,
                answer: { _, _ in
                    if world.chance(30) { await Task.yield() }
                    return world.chance(15) ? .refused : .accepted
                })
            memo.withLock { $0 = { store.memo } }

            let outcome = await store.runToEnd()

            #expect(outcome == .completed(output: "\(tree.value)"), "seed \(seed)")
            #expect(store.recordedTwice.isEmpty, "seed \(seed)")
            #expect(Set(store.memo.map(\.step)) == Set(tree.ids), "seed \(seed)")
            #expect(world.executedAfterRecord.entries.isEmpty, "seed \(seed)")
            #expect(store.events.count == store.memo.count { $0.kind == .sendEvent }, "seed \(seed)")
        }
    }
}
