/// A trigger as the engine registers it.
package struct Trigger: Sendable, Hashable {
    /// A name; may be a wildcard.
    package var event: String
    /// Set for failure handlers: only failures of the function with this id.
    package var source: String?

    package init(event: String, source: String? = nil) {
        self.event = event
        self.source = source
    }
}
