/// What a step does; the number is what is stored.
package enum StepKind: Int16, Codable, Sendable, CaseIterable {
    case run = 1
    case sleep = 2
    case sendEvent = 3
    case waitForEvent = 4
    case invoke = 5
    /// Remote apps only: waits until somebody sends a signal of a name.
    case waitForSignal = 6
    /// Remote apps only: an HTTP request that is made for the app.
    case fetch = 7
    /// Remote apps only: a request to a model that is made for the app.
    case infer = 8
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
        case .waitForSignal: "step.waitForSignal"
        case .fetch: "step.fetch"
        case .infer: "step.ai.infer"
        }
    }
}
