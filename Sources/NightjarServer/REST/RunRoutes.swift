internal import Foundation
internal import Hummingbird
internal import Nightjar

/// What can be asked about runs, and done to one.
struct RunRoutes: RouteGroup {
    let services: ServerServices

    func add(to router: Router<ServerContext>) {
        let actions = RunActions(services: services)
        router.serve(.get, "/v1/runs") { request, _ in try await list(request) }
        router.serve(.get, "/v1/runs/:id") { _, context in
            Reply.data(try await actions.existing(context.id(of: "run")).v1)
        }
        router.serve(.delete, "/v1/runs/:id") { request, context in
            // Idempotent: an ended run stays as it is.
            _ = try await actions.cancel(context.id(of: "run"), request)
            return Response(status: .ok)
        }
        router.serve(.get, "/v1/runs/:id/jobs") { _, context in try await jobs(context.id(of: "run")) }
        router.serve(.get, "/v1/runs/:id/steps") { _, context in try await steps(context.id(of: "run")) }
        router.serve(.post, "/v1/runs/:id/rerun") { request, context in
            let id = try context.id(of: "run")
            let step = try await request.optionalObject().text("from_step")
            let run = try await actions.rerun(id, from: step)
            return Reply.data(["run_id": .ulid(run), "original_run_id": .ulid(id)], status: .created)
        }
    }

    private func list(_ request: Request) async throws -> Response {
        var search = RunSearch()
        search.statuses = Set(try request.queries("status").map(RunSearch.status))
        search.created = (try request.date("created_after"), try request.date("created_before"))
        search.ended = (try request.date("ended_after"), try request.date("ended_before"))
        search.started = (try request.date("started_after"), try request.date("started_before"))
        search.expression = request.query("if")
        search.cursor = try request.cursor()
        search.limit = try request.limit(1...100)
        let (app, function) = (request.query("app"), request.query("function"))
        if app != nil || function != nil {
            search.functions = try await services.reads.withConnection { db in
                try FunctionEntry.existing(db, app: app, function: function)
            }
        }
        let (runs, cursor) = try await search.page(services)
        return Reply.data(
            .array(runs.map(\.v1)), page: Reply.Page(cursor: cursor.map(ULID.text), limit: search.limit))
    }

    /// What the run is to do next: at most one job, since the lease holder does everything for a run.
    private func jobs(_ id: UUID) async throws -> Response {
        let job = try await services.reads.find { db in
            try db.query(Statement.apiJob.sql, [id]).first.map { row -> ReplyValue in
                let epoch = try row.decode("epoch", as: Int32.self)
                let at = try row.decode("due_at", as: Date?.self) ?? row.decode("created_at")
                return [
                    "JobID": .string("\(ULID.text(id))-\(epoch)"), "at": .date(at), "position": 0,
                    "kind": try row.decode("started_at", as: Date?.self) == nil ? "start" : "edge",
                    "attempt": .integer(try row.decode("attempts", as: Int64.self)), "Raw": nil,
                ]
            }
        }
        if job == nil { _ = try await RunActions(services: services).existing(id) }
        return Reply.data(.array(job.map { [$0] } ?? []))
    }

    /// What the run recorded and waits for, and why it was cancelled.
    private func steps(_ id: UUID) async throws -> Response {
        let found = try await services.reads.find { db in
            try db.transaction(isolation: .repeatableRead, readOnly: true) { db in
                try RunEntry.read(db, [id]).first.map { ($0, try StepEntry.read(db, of: [id])) }
            }
        }
        guard let (run, steps) = found else { throw RunActions.unknown(id) }
        var value: ReplyValue = [
            "run_id": .ulid(id), "status": .string(run.status.rawValue), "state": .string(run.state),
            "steps": .array(steps.map(\.v1)),
        ]
        if let cause = run.cause {
            value.add("cancellation", .json(cause))
            value.add("cancelled_by_policy", run.policy.map { .string($0) })
            value.add("executing_steps", run.executing.map { .array($0.map { .string($0) }) })
        }
        return Reply.data(value)
    }
}
