/// A call that an execution makes: of the app, or of somebody else for the app.
struct RemoteCall: Sendable {
    enum Target: Sendable {
        /// The function runs until it comes to something new.
        case discovery
        /// The app executes one step that it has planned.
        case step(String)
        /// We make a request for the app.
        case gateway(String, GatewayRequest)
    }

    var id: Int
    var target: Target
    /// How many attempts failed before, since the last success.
    var attempt: Int
    /// See ``RemoteState``.
    var version: Int
    var plansOnly: Bool
    /// What the app is told about the steps so far.
    var memo: MemoSnapshot

    /// The step that it executes, if that is known.
    var step: String? {
        switch target {
        case .discovery: nil
        case .step(let step), .gateway(let step, _): step
        }
    }
}

/// The steps that an app is told of.
struct MemoSnapshot: Sendable {
    /// In the order in which they were over.
    var stack: [String] = []
    /// The entries of `steps`, by the steps' keys.
    var entries: [String: String] = [:]

    /// The bytes of JSON text of `steps`.
    var bytes: Int { entries.reduce(2) { $0 + $1.key.utf8.count + $1.value.utf8.count + 4 } }
}
