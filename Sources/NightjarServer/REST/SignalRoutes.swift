internal import Hummingbird
internal import Nightjar

/// Answering steps that wait for a signal.
struct SignalRoutes: RouteGroup {
    let services: ServerServices

    func add(to router: Router<ServerContext>) {
        router.serve(.post, "/v1/signals") { request, _ in
            let body = try await request.object()
            let signal = try body.requiredText("signal")
            guard let run = try await services.client.sendSignal(signal, data: body["data"] ?? nil) else {
                throw RequestFailure(
                    .notFound, "not_found", "nobody waits for the signal \"\(signal)\"; signals are not kept for later")
            }
            return Reply.data(["run_id": .ulid(run)])
        }
    }
}
