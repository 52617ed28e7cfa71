package import Foundation

/// How an execution ended.
package enum RunResult: Sendable, Hashable {
    /// The outcome is recorded.
    case ended(Outcome)
    /// The run is recorded as waiting until this moment.
    case parked(until: Date)
    /// A commit was refused; nothing was recorded by it or after it.
    case refused
    /// The surrounding task was cancelled; what was not recorded before is not recorded.
    case abandoned
}
