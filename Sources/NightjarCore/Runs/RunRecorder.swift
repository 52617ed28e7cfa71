package import Foundation

/// The database's answer to a commit.
package enum CommitAnswer: Sendable, Hashable {
    case accepted
    /// The run was cancelled or leased anew: stop, record nothing more.
    case refused
}

/// Records what executions did; the engine's side of a run.
package protocol RunRecorder: Sendable {
    /// Records a commit durably, or not at all; one at a time per run.
    ///
    /// Returns when the answer is certain. When the task is cancelled meanwhile it may give up and answer `.refused`.
    func commit(_ commit: RunCommit, of runID: UUID) async -> CommitAnswer
}
