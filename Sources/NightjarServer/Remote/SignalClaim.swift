/// A step's wish to be the one that waits for a signal.
struct SignalClaim: Sendable, Hashable {
    var step: String
    var signal: String
    /// Whether it takes the place of another step that waits for it.
    var replaces: Bool
}
