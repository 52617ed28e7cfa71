package import Foundation
internal import PostgresClient

/// What of a cancelled run a worker was executing, and until when.
package struct InterruptionRecord: Sendable {
    /// The worker, by name.
    package var worker: String
    /// The steps whose bodies were executing when the worker heard of the cancel.
    package var steps: [String]
    /// When the run was cancelled.
    package var at: Date
    /// When the worker heard of it; nil: it has not.
    package var toldAt: Date?
    /// When nothing of it executed any more; nil: something does, or the worker went without a word.
    package var endedAt: Date?
    /// Whether the worker lives no more.
    package var workerIsGone: Bool

    init(_ row: PostgresRow) throws {
        worker = try row.decode("worker")
        steps = try row.decode("steps")
        at = try row.decode("at")
        toldAt = try row.decode("told_at")
        endedAt = try row.decode("ended_at")
        workerIsGone = try row.decode("worker_is_gone")
    }
}
