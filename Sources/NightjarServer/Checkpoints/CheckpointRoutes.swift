internal import Foundation
internal import Hummingbird
internal import Nightjar
internal import NightjarCore

/// Steps that an app reports while it goes on with the function, in place of answering its call after each.
struct CheckpointRoutes: RouteGroup {
    let services: ServerServices

    func add(to router: Router<ServerContext>) {
        router.serve(.post, "/v1/checkpoint/:id/async") { request, context in
            try await record(context.id(of: "run"), request, tenant: context.tenant)
        }
        // Runs that begin in the app and not here.
        for (method, path) in [
            (.post, "/v1/checkpoint"), (.post, "/v1/checkpoint/:id/steps"), (.get, "/v1/checkpoint/:id/output"),
            (.post, "/v1/http/runs"), (.post, "/v1/http/runs/:id/steps"), (.get, "/v1/http/runs/:id/output"),
        ] as [(HTTPRequest.Method, RouterPath)] {
            router.serve(method, path) { _, _ in
                throw RequestFailure(
                    .unprocessableContent, "not_implemented",
                    "runs that begin in the app are not supported; send an event, and let the server call the app")
            }
        }
    }

    private func record(_ run: UUID, _ request: Request, tenant: Int32) async throws -> Response {
        let body = try await request.document()
        if let text = body["run_id"]?.string, ULID.id(text) != run {
            throw RequestFailure(.badRequest, "invalid_request", "run_id is \(text), and the path names another run")
        }
        guard let lease = body["qi_id"]?.string.flatMap(RunLease.init(token:)), lease.run == run else {
            throw RequestFailure(
                .badRequest, "invalid_field_format",
                "qi_id must be that of the call of run \(ULID.text(run)) as it came")
        }
        guard let operations = body["steps"]?.elements else {
            throw RequestFailure(.badRequest, "missing_field", "steps must be a list of steps")
        }
        let now = Date()
        var steps: [RecordedStep] = []
        for (index, operation) in operations.enumerated() {
            // They are told to the app in the order of their ends: no two at one moment.
            let step = try CheckpointedStep(operation, endedAt: now.addingTimeInterval(Double(index) / 1e6)).step
            // The first report of a step counts.
            if !steps.contains(where: { $0.step == step.step }) { steps.append(step) }
        }
        guard try await isOwn(lease, tenant),
            try await StepRecorder(pool: services.pool).record(steps, under: lease) == .accepted
        else {
            throw RequestFailure(
                .conflict, "stale_dispatch",
                "run \(ULID.text(run)) is not this call's any more: it was cancelled, has ended, or was given to another call"
            )
        }
        return Reply.data(["run_id": .ulid(run), "recorded": .integer(Int64(steps.count))])
    }

    /// Whether the run of a lease is that of the tenant that the request acts for. Without keys nobody says for whom he asks.
    private func isOwn(_ lease: RunLease, _ tenant: Int32) async throws -> Bool {
        guard !services.configuration.keys.isEmpty else { return true }
        guard lease.tenant == tenant else { return false }
        return try await services.pool.withConnection { db in
            try !db.query("SELECT FROM nightjar.live WHERE run_id = $1 AND tenant_id = $2", [lease.run, tenant]).isEmpty
        }
    }
}
