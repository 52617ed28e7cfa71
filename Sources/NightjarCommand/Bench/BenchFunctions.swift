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
