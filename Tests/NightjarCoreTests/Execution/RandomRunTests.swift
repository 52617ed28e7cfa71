import Foundation
import NightjarCore
import Synchronization
import Testing

/// Random functions, executed with random arrivals, parks, failures, refusals and interruptions, against a sequential
/// model.
@Suite("Random runs", .timeLimit(.minutes(5)))
struct RandomRunTests {
    indirect enum Tree: Sendable {
        case step(String, value: Int, failures: Int)
        case sleep(String, seconds: Int)
        case send(String)
        /// Something comes for it sooner or later, or never.
        case wait(String, value: Int?)
        /// The function that it invokes returns the value, or fails.
        case invoke(String, value: Int?)
        case sequence([Tree])
        case parallel([Tree], asLets: Bool)
        /// The tree against a sleep that is longer than all others together, and that is cancelled in the end.
        case race(Tree, against: String)
        /// The tree against a wait that nothing comes for, and that is withdrawn in the end.
        case contest(Tree, against: String)
        /// Two waits, a sleep and a step, of which anyone may win; what came of it is then recorded in a step.
        case open(String, seconds: Int, comes: [Bool])

        /// What the tree returns, executed without any trouble.
        var value: Int {
            switch self {
            case .step(_, let value, _): value
            case .sleep, .send, .open: 1
            case .wait(_, let value), .invoke(_, let value): value ?? -1
            case .sequence(let trees): trees.reduce(0) { ($0 &* 31) &+ $1.value }
            case .parallel(let trees, _): trees.reduce(0) { $0 &+ $1.value }
            case .race(let tree, _), .contest(let tree, _): tree.value
            }
        }

        var ids: [String] {
            switch self {
            case .step(let id, _, _), .sleep(let id, _), .send(let id), .wait(let id, _), .invoke(let id, _): [id]
            case .open(let id, _, _): [id, "\(id)-v", "\(id)-w", "\(id)-s", "\(id)-q"]
            case .sequence(let trees), .parallel(let trees, _): trees.flatMap(\.ids)
            case .race(let tree, let id), .contest(let tree, let id): [id] + tree.ids
            }
        }

        /// The steps that are recorded only if their branch gets so far.
        var chances: [String] {
            switch self {
            case .step, .sleep, .send, .wait, .invoke: []
            case .open(let id, _, _): ["\(id)-r"]
            case .sequence(let trees), .parallel(let trees, _): trees.flatMap(\.chances)
            case .race(let tree, _), .contest(let tree, _): tree.chances
            }
        }

        /// What comes for open steps.
        var arrivals: [Arrival] {
            switch self {
            case .step, .sleep, .send: []
            case .wait(let id, let value): value.map { [.event(id, $0)] } ?? []
            case .invoke(let id, let value?): [Arrival(step: id, output: "\(value)")]
            case .invoke(let id, nil): [Arrival(step: id, error: RunError(name: "E", message: "failed"))]
            case .open(let id, _, let comes):
                zip(["\(id)-v", "\(id)-w"], comes).filter(\.1).map { .event($0.0, 1) }
            case .sequence(let trees), .parallel(let trees, _): trees.flatMap(\.arrivals)
            case .race(let tree, _), .contest(let tree, _): tree.arrivals
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
        /// Races that ended otherwise than is recorded.
        let flips = Journal()
        private let outside = Mutex<(store: RunStore, arrivals: [Arrival])?>(nil)

        init(seed: UInt64) { random = Mutex(Random(state: seed)) }

        func chance(_ percent: Int) -> Bool { random.withLock { Int.random(in: 0..<100, using: &$0) < percent } }

        func shuffle<Value: Sendable>(_ values: [Value]) -> [Value] { random.withLock { values.shuffled(using: &$0) } }

        func attach(_ store: RunStore, _ arrivals: [Arrival]) { outside.withLock { $0 = (store, arrivals) } }

        var memo: [RecordedStep] { outside.withLock { $0?.store }?.memo ?? [] }

        /// Lets some of what is waited for come now, and says whether anything did.
        @discardableResult
        func arrive(_ percent: Int) -> Bool {
            guard let (store, arrivals) = outside.withLock({ $0 }) else { return false }
            var hasCome = false
            for arrival in shuffle(arrivals) where chance(percent) {
                if store.arrive(arrival) { hasCome = true }
            }
            return hasCome
        }

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
        let kind = depth == 0 ? Int.random(in: 0..<14, using: &random) : Int.random(in: 0..<28, using: &random)
        switch kind {
        case 0..<7:
            return .step(id, value: count * 7, failures: Int.random(in: 0..<8, using: &random) == 0 ? 2 : 0)
        case 7..<9:
            return .sleep(id, seconds: Int.random(in: 0..<5, using: &random))
        case 9:
            return .send(id)
        case 10..<12:
            return .wait(id, value: Bool.random(using: &random) ? count : nil)
        case 12:
            return .invoke(id, value: Bool.random(using: &random) ? count : nil)
        case 13, 14:
            return .open(
                id, seconds: Int.random(in: 1..<4, using: &random),
                comes: [Bool.random(using: &random), Bool.random(using: &random)])
        case 15:
            return .contest(tree(&random, depth: depth - 1, count: &count), against: id)
        case 16:
            return .race(tree(&random, depth: depth - 1, count: &count), against: id)
        default:
            let width = Int.random(in: 1...4, using: &random)
            var children: [Tree] = []
            for _ in 0..<width { children.append(tree(&random, depth: depth - 1, count: &count)) }
            return kind < 22
                ? .sequence(children) : .parallel(children, asLets: Bool.random(using: &random))
        }
    }

    /// Far beyond all sleeps together.
    private static let never = Duration.seconds(1_000_000)

    static func execute(_ tree: Tree, _ step: Step, _ world: World) async throws -> Int {
        switch tree {
        case .step(let id, let value, let failures):
            return try await step.run(id) {
                world.executed.note(id)
                if world.memo.contains(where: { $0.step == id }) { world.executedAfterRecord.note(id) }
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
            for tree in trees { result = (result &* 31) &+ (try await execute(tree, step, world)) }
            return result
        case .wait(let id, let value):
            let timeout = value == nil ? .seconds(2) : never
            return try await step.waitForEvent(id, News.self, timeout: timeout)?.data.value ?? -1
        case .invoke(let id, _):
            do {
                return try await step.invoke(id, "f", with: ["a": 1], as: Int.self)
            } catch let error as StepError {
                return error.name == "E" ? -1 : -2
            }
        case .open(let id, let seconds, _):
            let result = try await race(id, seconds, step, world)
            let recorded = try await step.run(id) { result }
            if recorded != result { world.flips.note("\(id): \(recorded), then \(result)") }
            return 1
        case .contest(let tree, let id):
            return try await withThrowingTaskGroup(of: Int?.self) { group in
                group.addTask { try await execute(tree, step, world) }
                group.addTask {
                    do {
                        _ = try await step.waitForEvent(id, News.self, timeout: never)
                        return -3
                    } catch is CancellationError {
                        return nil
                    }
                }
                let winner = try await group.next() ?? nil
                group.cancelAll()
                if try await group.next() != .some(nil) { return -4 }
                return winner ?? -1
            }
        case .race(let tree, let id):
            return try await withThrowingTaskGroup(of: Int?.self) { group in
                group.addTask { try await execute(tree, step, world) }
                group.addTask {
                    do {
                        try await step.sleep(id, for: never)
                    } catch is CancellationError {}
                    return nil
                }
                let winner = try await group.next() ?? nil
                group.cancelAll()
                _ = try await group.next()
                return winner ?? -1
            }
        case .parallel(let trees, asLets: true):
            async let first = execute(.sequence([trees[0]]), step, world)
            async let rest =
                trees.count > 1 ? execute(.parallel(Array(trees.dropFirst()), asLets: true), step, world) : 0
            return try await first &+ rest
        case .parallel(let trees, asLets: false):
            return try await withThrowingTaskGroup(of: Int.self) { group in
                for tree in trees { group.addTask { try await execute(tree, step, world) } }
                return try await group.reduce(0, &+)
            }
        }
    }

    /// Returns who came in which order, with what.
    private static func race(_ id: String, _ seconds: Int, _ step: Step, _ world: World) async throws -> String {
        try await withThrowingTaskGroup(of: String.self) { group in
            let branches: [@Sendable () async throws -> String] = [
                {
                    let news = try await step.waitForEvent("\(id)-v", News.self, timeout: .seconds(3))
                    return "v\(news?.data.value ?? 0)"
                },
                {
                    let news = try await step.waitForEvent("\(id)-w", News.self, timeout: .seconds(seconds))
                    return "w\(news?.data.value ?? 0)"
                },
                {
                    try await step.sleep("\(id)-s", for: .seconds(seconds))
                    return "s"
                },
                {
                    try await step.sleep("\(id)-q", for: .seconds(seconds - 1))
                    return try await step.run("\(id)-r") {
                        world.arrive(30)
                        return "r"
                    }
                },
            ]
            for (index, branch) in branches.enumerated() {
                group.addTask {
                    do {
                        return try await branch()
                    } catch is CancellationError {
                        return "\(index) cancelled"
                    }
                }
            }
            var order = [try await group.next() ?? ""]
            group.cancelAll()
            for try await result in group { order.append(result) }
            return order.joined(separator: " ")
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
            let definition = FunctionDefinition.test { step in try await Self.execute(tree, step, world) }
            let store = RunStore(
                definition, clock: Bool.random(using: &random) ? .ticking : ManualClock().runClock,
                answer: { _, _ in
                    world.arrive(20)
                    if world.chance(30) { await Task.yield() }
                    return world.chance(15) ? .refused : .accepted
                })
            world.attach(store, tree.arrivals)

            let outcome = await store.runToEnd { until in
                // When nothing else is left to wait for, something comes.
                let isLast = until > .start + (Self.never / 2)
                return world.arrive(isLast ? 100 : 20)
            }

            #expect(outcome == .completed(output: "\(tree.value)"), "seed \(seed)")
            #expect(store.recordedTwice.isEmpty, "seed \(seed)")
            #expect(Set(store.memo.map(\.step)).subtracting(tree.chances) == Set(tree.ids), "seed \(seed)")
            #expect(store.violations.isEmpty, "seed \(seed)")
            #expect(store.open.isEmpty, "seed \(seed)")
            #expect(world.flips.entries.isEmpty, "seed \(seed)")
            #expect(world.executedAfterRecord.entries.isEmpty, "seed \(seed)")
            #expect(store.events.count == store.memo.count { $0.kind == .sendEvent }, "seed \(seed)")
        }
    }
}
