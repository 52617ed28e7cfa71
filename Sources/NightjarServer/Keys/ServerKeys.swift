/// The keys that are given to a server when it starts. Never logged, never answered.
package struct ServerKeys: Sendable {
    /// Sign calls of apps, and open the API.
    package var signing: SigningKeys?
    /// Open the event API, besides the event keys that are stored in the database.
    package var event: [String] = []
    /// Whether there are event keys in the database, so that keys are required.
    package var areStored = false
    /// Whether there are signing keys of tenants in the database, so that keys are required.
    package var signingIsStored = false

    package init() {}

    /// Whether nothing is protected: dev mode.
    package var isEmpty: Bool { signing == nil && event.isEmpty && !areStored && !signingIsStored }
}

extension ServerKeys: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "ServerKeys(…)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
