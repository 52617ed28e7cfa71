public import Foundation

/// Whether a run has come to rest.
public enum RunStop: Sendable {
    /// It has ended, and nothing of it executes any more, as far as live workers say.
    case stopped(RunRecord)
    /// It has ended, and nothing more of it is recorded; but some of its code does not react to its cancellation.
    case executing(RunRecord, RemainingExecution)
    /// It has not ended.
    case unfinished(RunRecord)

    /// The run as it stood at the last look.
    public var run: RunRecord {
        switch self {
        case .stopped(let run), .executing(let run, _), .unfinished(let run): run
        }
    }
}

/// What of a cancelled run still executes.
public struct RemainingExecution: Sendable, Hashable, Codable {
    /// The worker, by name: app, host and process.
    public var worker: String
    /// The steps whose bodies were executing when the worker heard of the cancel; empty before that.
    public var steps: [String]
    /// When the run was cancelled: since then the code goes on in vain.
    public var since: Date
    /// When the worker heard of it; nil: it has not.
    public var toldAt: Date?
}
