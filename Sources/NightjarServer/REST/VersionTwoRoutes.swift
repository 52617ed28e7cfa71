internal import Foundation
internal import Hummingbird
internal import Nightjar

/// The essentials of version 2, under both of its prefixes.
struct VersionTwoRoutes: RouteGroup {
    let services: ServerServices

    func add(to router: Router<ServerContext>) {
        for prefix in ["/api/v2", "/v2"] { add(to: router, prefix) }
    }

    private func add(to router: Router<ServerContext>, _ prefix: String) {
        let actions = RunActions(services: services)
        router.serve(.get, RouterPath("\(prefix)/runs")) { request, _ in try await list(request, .init()) }
        router.serve(.get, RouterPath("\(prefix)/apps/:app/functions/:function/runs")) { request, context in
            try await list(
                request, .init(app: context.parameters.get("app"), function: context.parameters.get("function")))
        }
        router.serve(.get, RouterPath("\(prefix)/events/:id/runs")) { request, context in
            try await runs(of: context.id(of: "event"), request)
        }
        router.serve(.get, RouterPath("\(prefix)/runs/:id")) { request, context in
            let run = try await actions.existing(context.id(of: "run"))
            return Reply.v2(run.v2(includingOutput: try request.flag("includeOutput")))
        }
        router.serve(.post, RouterPath("\(prefix)/events")) { request, context in
            let body = try await request.body.collect(upTo: .max)
            let events: [IngestEvent]
            do throws(EventReader.Problem) { events = try EventReader.events(in: Array(buffer: body)) } catch {
                throw RequestFailure(.badRequest, "invalid_request", error.text)
            }
            guard events.count == 1 else {
                throw RequestFailure(.badRequest, "invalid_request", "send one event; POST /e/{key} takes several")
            }
            let ids = try await services.send(events, seed: nil, tenant: context.tenant)
            return Reply.v2(["eventId": .ulid(ids[0])])
        }
        router.serve(.post, RouterPath("\(prefix)/runs/:id/cancel")) { request, context in
            let id = try context.id(of: "run")
            guard try await actions.cancel(id, request) else {
                let status = try await actions.current(id).status
                throw status == .cancelled
                    ? RequestFailure(.conflict, "run_already_cancelled", "run \(ULID.text(id)) is cancelled already")
                    : RequestFailure(
                        .conflict, "run_already_ended",
                        "run \(ULID.text(id)) has ended: it is \(status.rawValue.lowercased())")
            }
            return Reply.v2(["runId": .ulid(id)])
        }
        router.serve(.post, RouterPath("\(prefix)/runs/:id/rerun")) { request, context in
            let id = try context.id(of: "run")
            let from = try await request.optionalObject()["fromStep"]?.object
            if let input = from?["input"], input != .null {
                throw RequestFailure(.unprocessableContent, "not_implemented", "a step cannot be given another input")
            }
            let run = try await actions.rerun(id, from: try from?.requiredText("stepId"))
            return Reply.v2(["runId": .ulid(run)])
        }
    }

    /// Which function the path names.
    private struct Named: Sendable {
        var app: String?
        var function: String?
    }

    private func list(_ request: Request, _ named: Named) async throws -> Response {
        var search = RunSearch()
        search.limit = try request.limit(1...100)
        search.cursor = try request.cursor()
        guard request.query("order")?.uppercased() != "ASC" else {
            throw RequestFailure(
                .unprocessableContent, "not_implemented", "order ASC is not supported: runs are listed newest first")
        }
        let time = (try request.date("from"), try request.date("until"))
        switch request.query("timeField") {
        case nil, "queuedAt": search.created = time
        case "startedAt": search.started = time
        case "endedAt": search.ended = time
        case .some(let other):
            throw RequestFailure(
                .badRequest, "invalid_field_format", "timeField is queuedAt, startedAt or endedAt, not \"\(other)\"")
        }
        search.statuses = Set(
            try request.queries("status").map { word in
                switch word.uppercased() {
                case "QUEUED": "scheduled"
                case "RUNNING", "COMPLETED", "FAILED", "CANCELLED": word.lowercased()
                default:
                    throw RequestFailure(
                        .badRequest, "invalid_field_format",
                        "\"\(word)\" is no status; there are QUEUED, RUNNING, COMPLETED, FAILED and CANCELLED")
                }
            })
        let apps = named.app.map { [$0] } ?? request.queries("appId")
        let functions = named.function.map { [$0] } ?? request.queries("functionId")
        if apps.isEmpty, !functions.isEmpty {
            throw RequestFailure(.badRequest, "missing_field", "functionId needs appId")
        }
        if !apps.isEmpty {
            search.functions = try await services.reads.withConnection { db in
                try apps.flatMap { app in
                    try functions.isEmpty
                        ? FunctionEntry.existing(db, app: app, function: nil)
                        : functions.flatMap { try FunctionEntry.existing(db, app: app, function: $0) }
                }
            }
        }
        let includesOutput = try request.flag("includeOutput")
        let (runs, cursor) = try await search.page(services)
        return Reply.v2(
            .array(runs.map { $0.v2(includingOutput: includesOutput) }),
            page: Reply.Page(cursor: cursor.map(ULID.text), limit: search.limit))
    }

    private func runs(of event: UUID, _ request: Request) async throws -> Response {
        let (limit, cursor) = (try request.limit(1...40), try request.cursor())
        let includesOutput = try request.flag("includeOutput")
        let found = try await services.reads.find { db in
            try EventEntry.read(db, [event]).isEmpty ? nil : RunEntry.read(db, startedBy: [event])[event] ?? []
        }
        guard let all = found else {
            throw RequestFailure(.notFound, "not_found", "there is no event \(ULID.text(event))")
        }
        let rest = cursor.map { cursor in all.filter { $0.id > cursor } } ?? all
        let page = rest.prefix(limit)
        return Reply.v2(
            .array(page.map { $0.v2(includingOutput: includesOutput) }),
            page: Reply.Page(cursor: rest.count > limit ? page.last.map { ULID.text($0.id) } : nil, limit: limit))
    }
}
