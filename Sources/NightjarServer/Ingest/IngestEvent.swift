internal import Foundation

/// An event as a request brings it: checked, and with its data as the JSON text that was sent.
struct IngestEvent: Sendable, Hashable {
    var name: String
    /// A JSON object.
    var data = "{}"
    /// A JSON object.
    var user: String?
    /// The sender's own id.
    var id: String?
    /// When it happened; nil: now.
    var timestamp: Date?
}
