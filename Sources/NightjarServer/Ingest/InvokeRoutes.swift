internal import Foundation
internal import Hummingbird
internal import Nightjar
internal import NightjarCore

/// Starts one function directly.
struct InvokeRoutes: RouteGroup {
    let services: ServerServices

    func add(to router: Router<ServerContext>) {
        router.post("invoke/:slug") { request, context in try await invoke(request, context) }
    }

    private func invoke(_ request: Request, _ context: ServerContext) async throws -> Response {
        let slug = context.parameters.get("slug")?.removingPercentEncoding ?? ""
        let body = Array(buffer: try await request.body.collect(upTo: .max))
        let event: IngestEvent
        do throws(EventReader.Problem) { event = try EventReader.invocation(in: body) } catch {
            throw RequestFailure(.badRequest, "invalid_request", error.text)
        }
        let id = try await services.pool.withConnection { db in
            try db.query(
                "SELECT nightjar.invoke($1, $2, $3, $4, $5)",
                [context.tenant, slug, PostgresJSON(event.data), event.user.map { PostgresJSON($0) }, event.id]
            ).first?.decode(0, as: UUID?.self) ?? nil
        }
        guard let id else {
            throw RequestFailure(
                .notFound, "not_found", "there is no function \"\(slug.prefix(300))\" that is registered")
        }
        return .json(["id": .string(ULID.text(id)), "status": 200])
    }
}
