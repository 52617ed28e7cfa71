/// The keys that are given to a server when it starts. Never logged, never answered.
package struct ServerKeys: Sendable {
    /// Signs calls of apps, and opens the API: `signkey-<env>-<hex>` or the hex alone.
    package var signing: String?
    /// Takes the signing key's place while that is being changed.
    package var signingFallback: String?
    /// Opens the event API, besides the event keys that are stored in the database.
    package var event: [String] = []
    /// Whether keys of the database open the event API.
    package var usesStoredEventKeys = false

    package init() {}

    /// Whether nothing is protected: dev mode.
    package var isEmpty: Bool { signing == nil && event.isEmpty && !usesStoredEventKeys }
}
