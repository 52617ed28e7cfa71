internal import Foundation
internal import Hummingbird
internal import Nightjar
internal import NightjarCore

/// What can be asked about events.
struct EventRoutes: RouteGroup {
    let services: ServerServices

    func add(to router: Router<ServerContext>) {
        router.serve(.get, "/v1/events") { request, _ in try await list(request) }
        router.serve(.post, "/v1/events/preview") { request, _ in try await preview(request) }
        router.serve(.get, "/v1/events/:id") { _, context in try await event(context.id(of: "event")) }
        router.serve(.get, "/v1/events/:id/runs") { _, context in try await runs(context.id(of: "event")) }
    }

    /// Ids may come from clients whose clocks differ from the server's; by this much, and they are still found.
    private static let clockSkew: TimeInterval = 600

    private func list(_ request: Request) async throws -> Response {
        let limit = try request.limit(1...100)
        // As the reference has it: without bounds, the last hour.
        let after = try request.date("received_after") ?? Date().addingTimeInterval(-3_600)
        let before = try request.date("received_before")
        let ceiling = RunSearch.floor((before ?? Date()).addingTimeInterval(Self.clockSkew))
        let (cursor, name) = (try request.cursor(), request.query("name"))
        let isInternal = try request.flag("include_internal") || name?.hasPrefix("inngest/") == true
        let events = try await services.reads.withConnection { db in
            try db.query(
                Statement.apiEvents.sql,
                [
                    min(cursor ?? ceiling, ceiling), RunSearch.floor(after.addingTimeInterval(-Self.clockSkew)), name,
                    after, before, limit, isInternal,
                ]
            ).map(EventEntry.init)
        }
        return Reply.data(.array(events.map(\.v1)))
    }

    private func event(_ id: UUID) async throws -> Response {
        try await Reply.data(existing(id).v1)
    }

    private func existing(_ id: UUID) async throws -> EventEntry {
        guard let event = try await services.reads.find({ db in try EventEntry.read(db, [id]).first }) else {
            throw RequestFailure(.notFound, "not_found", "there is no event \(ULID.text(id))")
        }
        return event
    }

    private func runs(_ id: UUID) async throws -> Response {
        let runs = try await services.reads.find { db in try RunEntry.read(db, startedBy: [id])[id] } ?? []
        // Nothing was started: by an event that does not exist, or by one that nobody listens to.
        if runs.isEmpty { _ = try await existing(id) }
        return Reply.data(.array(runs.map(\.v1)))
    }

    /// The unfinished runs that an event would cancel; nothing is sent.
    private func preview(_ request: Request) async throws -> Response {
        let body = try await request.object()
        let limit = try request.limit(1...1_000, default: 100)
        let data = body["data"] ?? [:]
        guard data == .null || data.object != nil else {
            throw RequestFailure(.badRequest, "invalid_field_format", "data must be a JSON object")
        }
        if let ts = body["ts"], ts != .null, ts.integer == nil {
            throw RequestFailure(.badRequest, "invalid_field_format", "ts must be whole milliseconds since 1970")
        }
        let user = body["user"].flatMap { $0 == .null ? nil : $0 }
        let event = try NewEvent(
            name: body.requiredText("name"), data: data == .null ? [:] : data, id: body.text("id"),
            at: body["ts"]?.integer.map { Date(timeIntervalSince1970: Double($0) / 1_000) }, user: user)
        let candidates = try await services.client.preview(event, limit: limit)
        return Reply.data([
            "runs": .array(
                candidates.map {
                    [
                        "run_id": .ulid($0.runID), "app_name": .string($0.app),
                        "function_slug": .string("\($0.app)-\($0.function)"), "state": .string($0.status.rawValue),
                        "policy": .orNull($0.policy) { .string($0) },
                    ]
                })
        ])
    }
}
