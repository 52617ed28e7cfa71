import Foundation
import Nightjar

/// What the runs of these tests wait for.
struct Approved: EventData {
    static let eventName = "test/approved"
    var key: String
    var by: String?

    /// An event with an id.
    static func event(_ key: String, id: String? = nil) throws -> NewEvent {
        try NewEvent(Approved(key: key), id: id)
    }
}

extension Event<Approved> {
    /// All that it has, in one line.
    var summary: String {
        let milliseconds = Int64((timestamp.timeIntervalSince1970 * 1_000).rounded())
        return "\(id) \(name) \(data.key) \(data.by ?? "nobody") \(user?["id"]?.string ?? "nobody") \(milliseconds)"
    }
}
