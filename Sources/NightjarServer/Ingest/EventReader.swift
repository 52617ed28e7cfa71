internal import Foundation

/// Reads the events of a request's body.
struct EventReader {
    /// Why a body is refused.
    struct Problem: Error, Hashable {
        /// Which event, from 0; nil when it is about the whole.
        var event: Int?
        var reason: String
    }

    /// Reads an object, or an array of objects.
    static func events(in body: [UInt8]) throws(Problem) -> [IngestEvent] {
        guard String(validating: body, as: UTF8.self) != nil else { throw Problem(reason: "the body is not UTF-8") }
        do {
            return try body.withUnsafeBufferPointer { bytes throws(Problem) in try EventReader(bytes: bytes).read() }
        }
    }

    /// Reads what a function is to be invoked with: an object as for events, with no name.
    static func invocation(in body: [UInt8]) throws(Problem) -> IngestEvent {
        guard String(validating: body, as: UTF8.self) != nil else { throw Problem(reason: "the body is not UTF-8") }
        guard !body.isEmpty else { return IngestEvent(name: "") }
        return try body.withUnsafeBufferPointer { bytes throws(Problem) in
            do throws(JSONProblem) {
                var scanner = JSONScanner(bytes)
                return try EventReader(bytes: bytes, isNamed: false).event(at: try scanner.document().range)
            } catch {
                throw Problem(
                    reason: error.offset == 0 ? error.reason : "the body is not JSON that can be taken: \(error)")
            }
        }
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    /// Whether an event needs a name.
    private var isNamed = true

    private init(bytes: UnsafeBufferPointer<UInt8>, isNamed: Bool = true) {
        self.bytes = bytes
        self.isNamed = isNamed
    }

    private func read() throws(Problem) -> [IngestEvent] {
        var scanner = JSONScanner(bytes)
        scanner.skipSpace()
        var places: [Range<Int>] = []
        var isList = false
        do {
            switch scanner.index < bytes.count ? bytes[scanner.index] : 0 {
            case UInt8(ascii: "["):
                isList = true
                try scanner.elements { scanner, _ throws(JSONProblem) in
                    places.append(try scanner.value(depth: 1).range)
                }
                try scanner.finish()
            default:
                places.append(try scanner.document().range)
            }
        } catch {
            throw Problem(reason: "the body is not JSON that can be taken: \(error)")
        }
        guard places.count <= EventLimits.count else {
            throw Problem(
                reason:
                    "the request has \(places.count) events; the limit is \(EventLimits.count). Send several requests")
        }
        var events: [IngestEvent] = []
        events.reserveCapacity(places.count)
        for (index, place) in places.enumerated() {
            do { events.append(try event(at: place)) } catch {
                throw Problem(event: isList ? index : nil, reason: error.reason)
            }
        }
        return events
    }

    private func event(at place: Range<Int>) throws(JSONProblem) -> IngestEvent {
        guard bytes[place.lowerBound] == UInt8(ascii: "{") else {
            throw JSONProblem(
                place.lowerBound, "an event is a JSON object, such as {\"name\": \"shop/order.placed\", \"data\": {}}")
        }
        guard place.count <= EventLimits.size else {
            throw JSONProblem(
                place.lowerBound,
                "the event has \(place.count) bytes; the limit is \(EventLimits.size). Store the data elsewhere, and send where they are"
            )
        }
        var fields: [String: JSONScanner.Value] = [:]
        var scanner = JSONScanner(bytes, place)
        try scanner.members { scanner, key throws(JSONProblem) in
            let name = scanner.decoded(key)
            fields[name] = try scanner.value(depth: 1)
        }
        var event = IngestEvent(name: isNamed ? try name(fields["name"]) : "")
        if let data = try object("data", fields["data"]) { event.data = try ReservedMembers.removed(from: bytes, data) }
        if let user = try object("user", fields["user"]) {
            try checkSize("user", user, EventLimits.storedUser)
            event.user = String(decoding: bytes[user], as: UTF8.self)
        }
        if let id = try text("id", fields["id"]), !id.isEmpty {
            let length = id.unicodeScalars.count
            guard length <= EventLimits.id else {
                throw JSONProblem(0, "\"id\" has \(length) characters; the limit is \(EventLimits.id)")
            }
            event.id = id
        }
        _ = try text("v", fields["v"])
        event.timestamp = try timestamp(fields["ts"])
        return event
    }

    private func name(_ value: JSONScanner.Value?) throws(JSONProblem) -> String {
        guard let name = try text("name", value) else {
            throw JSONProblem(0, "\"name\" is missing: what has happened, such as \"shop/order.placed\"")
        }
        if let problem = EventLimits.problem(withName: name) { throw JSONProblem(0, problem) }
        return name
    }

    private func object(_ name: String, _ value: JSONScanner.Value?) throws(JSONProblem) -> Range<Int>? {
        guard let value, value.kind != .null else { return nil }
        guard value.kind == .object else {
            throw JSONProblem(0, "\"\(name)\" must be an object; it is of the type \(value.kind)")
        }
        if name == "data" { try checkSize(name, value.range, EventLimits.storedData) }
        return value.range
    }

    private func text(_ name: String, _ value: JSONScanner.Value?) throws(JSONProblem) -> String? {
        guard let value, value.kind != .null else { return nil }
        guard value.kind == .string else {
            throw JSONProblem(0, "\"\(name)\" must be a text; it is of the type \(value.kind)")
        }
        return JSONScanner(bytes).decoded(value.range.dropFirst().dropLast())
    }

    /// Milliseconds since 1970; 0 counts as none.
    private func timestamp(_ value: JSONScanner.Value?) throws(JSONProblem) -> Date? {
        guard let value, value.kind != .null else { return nil }
        guard value.kind == .number, let number = Double(String(decoding: bytes[value.range], as: UTF8.self)),
            number == number.rounded()
        else { throw JSONProblem(0, "\"ts\" must be a whole number of milliseconds since 1970") }
        guard number != 0 else { return nil }
        let date = Date(timeIntervalSince1970: number / 1_000)
        guard EventLimits.timestamps.contains(date) else {
            throw JSONProblem(0, "\"ts\" must be milliseconds since 1970, of the years 1980 to 2099")
        }
        return date
    }

    private func checkSize(_ name: String, _ range: Range<Int>, _ limit: Int) throws(JSONProblem) {
        // Nothing grows by more: "1e308," takes 6 bytes, and 310 once it is written out.
        guard range.count > limit / 64 else { return }
        var scanner = JSONScanner(bytes, range)
        _ = try scanner.value(depth: 0)
        guard scanner.storedSize <= limit else {
            throw JSONProblem(
                0, "\"\(name)\" has \(scanner.storedSize) bytes once its numbers are written out; the limit is \(limit)"
            )
        }
    }
}
