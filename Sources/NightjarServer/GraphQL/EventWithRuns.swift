internal import Foundation
internal import Nightjar

/// An event, and the runs that it started.
struct EventWithRuns: Sendable {
    var event: EventEntry
    var runs: [RunEntry]

    static func read(_ db: PostgresConnection, _ events: [EventEntry]) throws -> [EventWithRuns] {
        let runs = try RunEntry.read(db, startedBy: events.map(\.eventID), limit: 100)
        return events.map { EventWithRuns(event: $0, runs: runs[$0.eventID] ?? []) }
    }
}

/// What started a run.
struct RunTrigger: Sendable {
    var run: RunEntry
    var events: [EventEntry]
}

/// What came out of a run or of a step.
struct SpanOutput: Sendable {
    /// JSON text.
    var data: String?
    /// An error as JSON text.
    var error: String?

    static func read(_ id: TraceOutputID, _ services: ServerServices) async throws -> SpanOutput {
        guard let step = id.step else {
            let run = try await RunActions(services: services).existing(id.run)
            return SpanOutput(data: run.output, error: run.error)
        }
        let entries = try await services.reads.withConnection { db in
            // Of this tenant: runs are read by it, what they recorded is not.
            try RunEntry.read(db, [id.run]).isEmpty ? [] : StepEntry.read(db, of: [id.run])
        }
        guard
            let entry = entries.last(where: { entry in
                entry.key == step
                    && (id.attempt == nil ? entry.part == .step : entry.part == .attempt && entry.attempt == id.attempt)
            })
        else { throw GraphQLError("there is no such output (any more)", code: "not_found") }
        // What a step is given back, without the wrapping that its app adds.
        return entry.failed ? SpanOutput(error: entry.error) : SpanOutput(data: entry.output ?? "null")
    }
}
