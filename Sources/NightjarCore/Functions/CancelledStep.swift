public import Foundation

/// A step that a run had recorded before it was cancelled.
public struct CancelledStep: Sendable, Hashable {
    /// The step's id, with `:1`, `:2` … for the second, third … use of an id in a run.
    public var id: String
    /// What it did.
    public var kind: Kind
    /// What it returned; nil for sleeps and failures, and where it was left out.
    public var output: JSON?
    /// Whether the output or the error was left out because there was too much of them to be sent along.
    public var isOutputOmitted = false
    /// Why it failed; nil when it did not.
    public var error: RunError?
    /// When it began.
    public var startedAt: Date
    /// When it ended.
    public var endedAt: Date

    /// Describes a step; useful to call a cancellation handler in a test.
    public init(
        id: String, kind: Kind = .run, output: JSON? = nil, error: RunError? = nil, startedAt: Date, endedAt: Date
    ) {
        self.id = id
        self.kind = kind
        self.output = output
        self.error = error
        self.startedAt = startedAt
        self.endedAt = endedAt
    }

    /// Decodes the output.
    ///
    /// - Throws: `DecodingError` when it is missing or has another form.
    public func output<Value: Decodable>(as type: Value.Type) throws -> Value {
        try JSONCoding.value(type, from: JSONCoding.text(output ?? .null))
    }

    /// What steps do.
    public enum Kind: Sendable, Hashable {
        case run
        case sleep
        case sendEvent
        case waitForEvent
        case invoke
        /// Something that a newer Nightjar knows.
        case other(String)
    }
}

extension CancelledStep: Decodable {
    private enum CodingKeys: String, CodingKey {
        case id, kind, output, error
        case isOutputOmitted = "omitted"
        case startedAt = "started_at"
        case endedAt = "ended_at"
    }

    /// Decodes a step of the data of a cancellation event.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func date(_ key: CodingKeys) throws -> Date {
            let text = try container.decode(String.self, forKey: key)
            guard let date = ISO8601.date(from: text) else {
                throw DecodingError.dataCorruptedError(
                    forKey: key, in: container, debugDescription: "\"\(text)\" is not an ISO 8601 date and time")
            }
            return date
        }
        id = try container.decode(String.self, forKey: .id)
        kind = Kind(rawValue: try container.decode(String.self, forKey: .kind))
        // Unlike decodeIfPresent, this tells a null from what is not there.
        if container.contains(.output) { output = try container.decode(JSON.self, forKey: .output) }
        isOutputOmitted = try container.decodeIfPresent(Bool.self, forKey: .isOutputOmitted) ?? false
        error = try container.decodeIfPresent(RunError.self, forKey: .error)
        startedAt = try date(.startedAt)
        endedAt = try date(.endedAt)
    }
}

extension CancelledStep.Kind: RawRepresentable {
    /// Reads the recorded text; of an unknown one it makes ``other(_:)``.
    public init(rawValue: String) {
        self =
            switch rawValue {
            case "run": .run
            case "sleep": .sleep
            case "sendEvent": .sendEvent
            case "waitForEvent": .waitForEvent
            case "invoke": .invoke
            default: .other(rawValue)
            }
    }

    /// The recorded text.
    public var rawValue: String {
        switch self {
        case .run: "run"
        case .sleep: "sleep"
        case .sendEvent: "sendEvent"
        case .waitForEvent: "waitForEvent"
        case .invoke: "invoke"
        case .other(let name): name
        }
    }
}
