/// What the conversation about a run remembers while the run is parked, as one small number.
struct RemoteState: Sendable, Hashable {
    /// The version of the protocol that the app's SDK speaks: 0, 1 or 2; -1 until it has answered.
    var version = -1
    /// Whether the app is to plan steps rather than to execute them at once.
    var plansOnly = false
    /// Whether the retry that the run waits for is of a step that the app executed without being asked for it.
    var retriesUnasked = false

    init() {}

    init(encoded: Int16) {
        version = min(Int(encoded & 3), 3) - 1
        plansOnly = encoded & 4 != 0
        retriesUnasked = encoded & 8 != 0
    }

    var encoded: Int16 { Int16(version + 1) | (plansOnly ? 4 : 0) | (retriesUnasked ? 8 : 0) }
}
