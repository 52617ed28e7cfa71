package import Foundation

/// What a run of a remote app may have at most, and how it is driven.
package struct RemoteLimits: Sendable, Hashable {
    /// Steps that a run may record.
    package var steps = 1000
    /// Bytes of JSON text that a run's event and its steps may have together.
    package var stateBytes = 32 << 20
    /// Bytes of an app's answer.
    package var answerBytes = 8 << 20
    /// Bytes of memos that are sent along; an app fetches what is larger.
    package var sentBytes = 4 << 20 - 1 << 10
    /// How long a call may take.
    package var callDuration = Duration.seconds(2 * 3600)
    /// How long a step may sleep or wait.
    package var waitDuration: TimeInterval = 366 * 86_400
    /// Calls of one run that may be under way at once.
    package var parallelCalls = 20
    /// A retry that is due so soon is waited for in the process.
    package var patience: TimeInterval = 2
    /// How often in a row an app may say nothing new although nothing is under way.
    package var fruitlessCalls = 3

    package init() {}
}
