internal import Foundation
internal import NightjarCore

/// Events as apps get them: with the ids of the HTTP API.
enum EventCoding {
    /// The event that a run was started for, as canonical JSON.
    static func text(_ event: RecordedEvent) -> String {
        let milliseconds = event.timestamp.milliseconds
        var output = Array("{\"data\":".utf8)
        output += Array(data(event.dataJSON, of: event.name).utf8)
        output += Array(",\"id\":\(JSONStringText.encode(publicID(event.id)))".utf8)
        output += Array(",\"name\":\(JSONStringText.encode(event.name)),\"ts\":\(milliseconds),\"user\":".utf8)
        output += Array((event.userJSON.flatMap { try? CanonicalJSON.text(of: $0, numbers: .exact) } ?? "{}").utf8)
        output += Array("}".utf8)
        return String(decoding: output, as: UTF8.self)
    }

    /// An event that came for a step, as canonical JSON; what is no event stays what it is.
    static func text(arrived text: String) -> String {
        guard let json = try? JSONValue(text) else { return "null" }
        guard let name = json["name"]?.string else { return CanonicalJSON.text(of: json) }
        var members =
            json.members.map { Dictionary($0.map { ($0.key, CanonicalJSON.text(of: $0.value)) }) { $1 } } ?? [:]
        if let id = json["id"]?.string { members["id"] = JSONStringText.encode(publicID(id)) }
        if json["user"] == nil { members["user"] = "{}" }
        if let value = json["data"] { members["data"] = data(value, of: name) }
        return object(members)
    }

    /// The id by which the API's users know an event: its sender's, or the ULID of ours.
    static func publicID(_ id: String) -> String {
        // Only our own ids are UUIDs of version 7.
        let bytes = Array(id.utf8)
        guard bytes.count == 36, bytes[14] == UInt8(ascii: "7"), let uuid = UUID(uuidString: id) else { return id }
        return ULID.text(uuid)
    }

    private static func data(_ text: String, of name: String) -> String {
        guard let json = try? JSONValue(text) else { return "{}" }
        return data(json, of: name)
    }

    // Of the events about runs, the data names runs and events.
    private static func data(_ json: JSONValue, of name: String) -> String {
        guard name.hasPrefix("inngest/function."), let all = json.members else { return CanonicalJSON.text(of: json) }
        var members = Dictionary(all.map { ($0.key, CanonicalJSON.text(of: $0.value)) }) { $1 }
        members["_nightjar"] = nil  // Who called: ours to know.
        if let run = json["run_id"]?.string { members["run_id"] = JSONStringText.encode(publicID(run)) }
        if let event = json["event"] { members["event"] = text(arrived: event.text) }
        if let events = json["events"]?.elements {
            members["events"] = "[\(events.map { text(arrived: $0.text) }.joined(separator: ","))]"
        }
        return object(members)
    }

    private static func object(_ members: [String: String]) -> String {
        let ordered = members.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
        return "{\(ordered.map { "\(JSONStringText.encode($0.key)):\($0.value)" }.joined(separator: ","))}"
    }
}
