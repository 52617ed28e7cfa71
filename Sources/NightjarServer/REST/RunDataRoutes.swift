internal import Foundation
internal import Hummingbird
internal import Nightjar

/// What the SDKs ask about the run that they execute, when it does not fit into a call.
struct RunDataRoutes: RouteGroup {
    let services: ServerServices

    func add(to router: Router<ServerContext>) {
        let actions = RunActions(services: services)
        router.serve(.get, "/v0/runs/:id/actions") { _, context in
            let id = try context.id(of: "run")
            try await unfinished(id)
            let memo = try await services.pool.withConnection { db in try RunMemo.read(db, of: id) }
            return .json(text: memo.text)
        }
        router.serve(.get, "/v0/runs/:id/batch") { _, context in
            let run = try await unfinished(context.id(of: "run"))
            let events = try await services.pool.withConnection { db in try EventEntry.read(db, run.eventIDs) }
            return .json(text: ReplyValue.array(events.map(\.body)).text)
        }
        router.serve(.delete, "/v0/runs/:id") { request, context in
            let id = try context.id(of: "run")
            guard try await actions.cancel(id, request) else {
                throw RequestFailure(.conflict, "run_already_ended", "run \(ULID.text(id)) has ended")
            }
            return Response(status: .noContent)
        }
    }

    @discardableResult
    private func unfinished(_ id: UUID) async throws -> RunEntry {
        let run = try await services.pool.withConnection { db in try RunEntry.read(db, [id]).first }
        guard let run, !run.status.isEnd else {
            throw RequestFailure(.gone, "gone", "run \(ULID.text(id)) has ended, or never was")
        }
        return run
    }
}
