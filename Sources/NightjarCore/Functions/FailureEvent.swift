package import Foundation

/// The event that says that a run failed.
package enum FailureEvent {
    package static let name = "inngest/function.failed"

    /// Returns the event's data as JSON text; the failed run's event goes in as it is stored.
    package static func dataJSON(function: String, runID: UUID, event: RecordedEvent, error: RunError) throws -> String
    {
        let milliseconds = Int64((event.timestamp.timeIntervalSince1970 * 1000).rounded())
        let user = event.userJSON.map { #","user":\#($0)"# } ?? ""
        let failed = try """
        {"id":\(JSONCoding.text(event.id)),"name":\(JSONCoding.text(event.name)),\
        "data":\(event.dataJSON)\(user),"ts":\(milliseconds)}
        """
        return try """
        {"function_id":\(JSONCoding.text(function)),"run_id":"\(runID.uuidString.lowercased())",\
        "event":\(failed),"error":\(JSONCoding.text(error))}
        """
    }
}
