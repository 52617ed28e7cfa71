import Nightjar

/// What is executed while something else is measured.
enum BenchFunctions {
    struct Tick: EventData {
        static let eventName = "bench/tick"
        var n: Int
    }
    struct Stop: EventData {
        static let eventName = "bench/stop"
        var n: Int
    }

    struct Nap: EventData {
        static let eventName = "bench/nap"
        var n: Int
    }
    struct Hold: EventData {
        static let eventName = "bench/hold"
        var n: Int
    }

    /// A run of a few steps; one that sleeps for a month; one whose step waits at the gate.
    static func all(steps: Int, _ gate: BenchGate) -> [FunctionDefinition] {
        [
            tick(steps: steps),
            Function("nap", on: Nap.self).cancelOn(Stop.self, match: \.n).run { _, step in
                try await step.sleep("long", for: .seconds(30 * 86_400))
            },
            Function("hold", on: Hold.self).cancelOn(Stop.self, match: \.n).run { _, step in
                try await step.run("wait") { await gate.pass() }
            },
        ]
    }

    /// A function of a few steps that do next to nothing, with a cancellation policy.
    static func tick(_ name: String = "tick", steps: Int) -> FunctionDefinition {
        Function(name, on: Tick.self).cancelOn(Stop.self, match: \.n).run { event, step in
            var sum = event.data.n
            for _ in 0..<steps {
                let before = sum
                sum = try await step.run("add") { before + 1 }
            }
            return sum
        }
    }
}
