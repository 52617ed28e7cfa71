internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Nightjar

/// The event API.
struct IngestRoutes: RouteGroup {
    let services: ServerServices

    func add(to router: Router<ServerContext>) {
        router.post("e") { request, context in try await send(request, context, key: "") }
        router.post("e/:key") { request, context in
            let key = context.parameters.get("key")?.removingPercentEncoding ?? ""
            return try await send(request, context, key: key)
        }
    }

    private func send(_ request: Request, _ context: ServerContext, key: String) async throws -> Response {
        var context = context
        let owner = try await services.eventKeys.owner(of: key)
        if let owner { context.recognize(owner) }
        let body = Array(buffer: try await request.body.collect(upTo: .max))
        try checkType(request, body)
        let events: [IngestEvent]
        do throws(EventReader.Problem) {
            events = try EventReader.events(in: body)
        } catch {
            throw RequestFailure(.badRequest, "invalid_event", error.text)
        }
        let seed = request.headers[.eventIDSeed].flatMap { EventSeed($0) }
        let ids = try await services.send(events, seed: seed, tenant: owner?.tenant ?? services.tenant)
        return .json(["ids": .array(ids.map { .string(ULID.text($0)) }), "status": 200])
    }

    /// A form has lists as its fields, so none of them can be an event. What begins as JSON does is taken as JSON, though:
    /// curl calls everything a form.
    private func checkType(_ request: Request, _ body: [UInt8]) throws {
        if let encoding = request.headers[.contentEncoding], encoding.lowercased() != "identity" {
            throw RequestFailure(
                .badRequest, "invalid_event",
                "bodies with the content encoding \"\(encoding.prefix(32))\" are not taken; send plain JSON")
        }
        let type = request.headers[.contentType]?.lowercased() ?? ""
        let start = body.first { !" \t\r\n".utf8.contains($0) }
        let isForm =
            type.hasPrefix("application/x-www-form-urlencoded") && start != UInt8(ascii: "{")
            && start != UInt8(ascii: "[")
        guard !isForm, !type.hasPrefix("multipart/form-data") else {
            throw RequestFailure(
                .badRequest, "invalid_event",
                "the fields of a form are lists, so its \"name\" is no text; send the event as JSON")
        }
    }
}

extension ServerServices {
    /// Stores events, all or none, and answers their ids once they are durable.
    func send(_ events: [IngestEvent], seed: EventSeed?, tenant: Int32) async throws -> [UUID] {
        let seed = seed?.of(tenant: tenant)
        let isStorable = seed?.isStorable(at: Date()) ?? false
        return try await intake.store(
            events.enumerated().map { index, event in
                let seeded = seed?.id(index + 1)
                return StorableEvent(
                    eventID: isStorable ? seeded ?? UUIDv7.make() : UUIDv7.make(),
                    key: isStorable ? nil : seeded.map { ULID.text($0) }, tenant: tenant, name: event.name,
                    dataJSON: event.data, userJSON: event.user, id: event.id, timestamp: event.timestamp)
            })
    }
}

extension EventReader.Problem {
    var text: String { event.map { "event \($0 + 1) of the list: \(reason)" } ?? reason }
}

extension HTTPField.Name {
    /// What the ids of a request's events are made of.
    static let eventIDSeed = HTTPField.Name("x-inngest-event-id-seed")!
}
