public import Foundation

/// What a cancellation handler learns about the run that was cancelled.
public struct FunctionCancellation<Payload: Decodable & Sendable>: Sendable {
    /// The event that had started the run.
    public let event: Event<Payload>
    /// Why, when and at what it was cancelled.
    public let cause: Outcome.Cancellation
    /// The run that was cancelled.
    public let runID: UUID
    /// The function whose run it was.
    public let functionID: String
    /// The steps that it had recorded, in that order: what may have to be undone.
    public let steps: [CancelledStep]

    /// Describes a cancellation; useful to call a cancellation handler in a test.
    public init(
        event: Event<Payload>, cause: Outcome.Cancellation, runID: UUID, functionID: String,
        steps: [CancelledStep] = []
    ) {
        self.event = event
        self.cause = cause
        self.runID = runID
        self.functionID = functionID
        self.steps = steps
    }
}

extension FunctionCancellation: Decodable {
    private enum CodingKeys: String, CodingKey {
        case event, cause, steps
        case runID = "run_id"
        case functionID = "function_id"
    }

    /// Decodes the data of a cancellation event.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        event = try container.decode(EventEnvelope<Payload>.self, forKey: .event).event
        cause = try container.decode(Outcome.Cancellation.self, forKey: .cause)
        runID = try container.decode(UUID.self, forKey: .runID)
        functionID = try container.decode(String.self, forKey: .functionID)
        steps = try container.decodeIfPresent([CancelledStep].self, forKey: .steps) ?? []
    }
}
