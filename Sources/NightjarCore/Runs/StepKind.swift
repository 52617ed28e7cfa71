/// What a step does; the number is what is stored.
package enum StepKind: Int16, Codable, Sendable, CaseIterable {
    case run = 1
    case sleep = 2
    case sendEvent = 3
    case waitForEvent = 4
    case invoke = 5
}

/// How a recorded step ended; the number is what is stored.
package enum StepStatus: Int16, Codable, Sendable, CaseIterable {
    case completed = 1
    case failed = 2
}

extension StepKind {
    var name: String {
        switch self {
        case .run: "step.run"
        case .sleep: "step.sleep"
        case .sendEvent: "step.sendEvent"
        case .waitForEvent: "step.waitForEvent"
        case .invoke: "step.invoke"
        }
    }
}
