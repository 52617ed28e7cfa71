internal import Foundation
internal import Hummingbird
internal import Nightjar
internal import NightjarCore

/// Cancelling many runs by what they have in common.
struct CancellationRoutes: RouteGroup {
    let services: ServerServices

    func add(to router: Router<ServerContext>) {
        router.serve(.post, "/v1/cancellations") { request, _ in
            let (filter, reason) = try await filter(request)
            let asked = try await services.client.cancelAll(filter, actor: "API", reason: reason)
            return Reply.data(try await existing(asked.id).v1)
        }
        router.serve(.get, "/v1/cancellations") { _, _ in
            let all = try await services.reads.withConnection { db in try CancellationEntry.read(db) }
            return Reply.data(.array(all.map(\.v1)))
        }
        router.serve(.post, "/v1/cancellations/preview") { request, _ in try await preview(request) }
        router.serve(.delete, "/v1/cancellations/:id") { _, context in
            // What it has cancelled stays cancelled; nothing more is.
            try await services.client.interrupt(bulkCancel: context.id(of: "cancellation"))
            return Reply.data(["ok": true])
        }
    }

    private func existing(_ id: UUID) async throws -> CancellationEntry {
        guard let entry = try await services.pool.withConnection({ db in try CancellationEntry.read(db, id: id).first })
        else { throw RequestFailure(.notFound, "not_found", "there is no cancellation \(ULID.text(id))") }
        return entry
    }

    private func preview(_ request: Request) async throws -> Response {
        let limit = try request.limit(1...1_000, default: 100)
        let preview = try await services.client.previewCancel(try await filter(request).filter, limit: limit)
        let runs = try await services.pool.withConnection { db in try RunEntry.read(db, preview.runs.map(\.id)) }
        return Reply.data(["total": .integer(Int64(preview.total)), "runs": .array(runs.map(\.v1))])
    }

    /// Reads which runs are meant.
    private func filter(_ request: Request) async throws -> (filter: RunFilter, reason: String?) {
        let body = try await request.object()
        let (app, function) = (try body.requiredText("app_id"), try body.requiredText("function_id"))
        let after = try body.date("started_after")
        guard let before = try body.date("started_before") else {
            throw RequestFailure(
                .badRequest, "missing_field",
                "started_before is missing: until when the runs that are meant were started")
        }
        guard before <= Date().addingTimeInterval(5) else {
            throw RequestFailure(.badRequest, "invalid_request", "started_before must not lie in the future")
        }
        if let after, after > before {
            throw RequestFailure(.badRequest, "invalid_request", "started_before must not be before started_after")
        }
        let named = try await services.pool.withConnection { db in
            try FunctionEntry.existing(db, app: app, function: function)
        }
        let filter = RunFilter(
            function: named[0].function, app: named[0].app, createdAfter: after, createdBefore: before,
            expression: try body.text("if"))
        return (filter, try body.text("reason"))
    }
}
