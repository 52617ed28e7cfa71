package import Foundation
package import NightjarCore
internal import PostgresClient

/// One thing that a run recorded.
package struct StepRecord: Sendable {
    /// What kind of thing.
    package enum Kind: String, Sendable {
        case run
        case sleep
        case sendEvent = "send_event"
        case waitForEvent = "wait_for_event"
        case invoke
        case waitForSignal = "wait_for_signal"
        case fetch
        case infer
        /// An attempt that failed and was made again.
        case attempt
    }

    /// The step's id, with an index from its second use on; empty for an attempt of the function itself.
    package var step: String
    /// What people call it, where that is not the id: steps of remote apps have hashes as ids.
    package var name: String?
    package var kind: Kind
    package var failed: Bool
    /// Which attempt it is, or ended the step; from 1.
    package var attempt: Int
    package var output: JSON?
    package var error: RunError?
    /// A sleep: until when. A failed attempt: when the next is made.
    package var dueAt: Date?
    package var startedAt: Date
    package var endedAt: Date

    init(_ row: PostgresRow) throws {
        step = try row.decode("step")
        name = try row.decode("name")
        let number = try row.decode("kind", as: Int16.self)
        kind =
            switch StepKind(rawValue: number) {
            case .run: .run
            case .sleep: .sleep
            case .sendEvent: .sendEvent
            case .waitForEvent: .waitForEvent
            case .invoke: .invoke
            case .waitForSignal: .waitForSignal
            case .fetch: .fetch
            case .infer: .infer
            case nil: .attempt
            }
        failed = try row.decode("failed")
        attempt = try row.decode("attempt")
        output = try row.decode("output", as: PostgresJSON?.self)?.decode()
        error = try row.decode("error", as: PostgresJSON?.self)?.decode()
        dueAt = try row.decode("due_at")
        startedAt = try row.decode("started_at")
        endedAt = try row.decode("ended_at")
    }
}
