package import Foundation
internal import NightjarCore
internal import PostgresClient

/// A step of a run that waits for something from outside.
package struct OpenStepRecord: Sendable {
    /// What it waits for.
    package enum Awaited: Sendable {
        /// An event of this name, and which, as the function's author wrote it; nil: any.
        case event(String, match: String?, looksBack: Bool)
        /// The end of a run of this function; the run is nil until it has started.
        case end(app: String, function: String, run: UUID?, status: RunRecord.Status?, cancelsWithParent: Bool)
    }

    package var step: String
    /// What people call it, where that is not the id.
    package var name: String?
    package var awaited: Awaited
    package var startedAt: Date
    /// When it times out; nil: it does not.
    package var dueAt: Date?
    /// When what it waits for came; nil: it has not.
    package var arrivedAt: Date?

    init(_ row: PostgresRow) throws {
        step = try row.decode("step")
        name = try row.decode("name")
        startedAt = try row.decode("started_at")
        let due = try row.decode("due_at", as: Date.self)
        arrivedAt = try row.decode("arrived_at")
        if try row.decode("kind", as: Int16.self) == StepKind.invoke.rawValue {
            let child = try row.decode("child_run_id", as: UUID?.self)
            awaited = .end(
                app: try row.decode("app"), function: try row.decode("function"), run: child,
                status: try row.decode("child_status", as: String?.self).map {
                    try RunRecord.Status(stored: $0, of: child ?? UUID())
                }, cancelsWithParent: try row.decode("cascades"))
        } else {
            awaited = .event(
                try row.decode("event"), match: try row.decode("match"), looksBack: try row.decode("looks_back"))
        }
        // An invocation without a timeout is stored with one that nobody waits for.
        dueAt = due.timeIntervalSince(startedAt) < 9 * 365 * 86_400 ? due : nil
    }
}
