public import Foundation

/// What a failure handler learns about the run that failed.
public struct FunctionFailure<Payload: Decodable & Sendable>: Sendable {
    /// The event that had started the run.
    public let event: Event<Payload>
    /// Why it failed.
    public let error: RunError
    /// The run that failed.
    public let runID: UUID
    /// The function that failed.
    public let functionID: String

    /// Describes a failure; useful to call a failure handler in a test.
    public init(event: Event<Payload>, error: RunError, runID: UUID, functionID: String) {
        self.event = event
        self.error = error
        self.runID = runID
        self.functionID = functionID
    }
}

extension FunctionFailure: Decodable {
    private enum CodingKeys: String, CodingKey {
        case event, error
        case runID = "run_id"
        case functionID = "function_id"
    }

    /// Decodes the data of a failure event.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        event = try container.decode(EventEnvelope<Payload>.self, forKey: .event).event
        error = try container.decode(RunError.self, forKey: .error)
        runID = try container.decode(UUID.self, forKey: .runID)
        functionID = try container.decode(String.self, forKey: .functionID)
    }
}
