internal import Hummingbird

/// Realtime messages, which this server does not deliver. What is published is taken and dropped, so that functions that
/// publish go on; whoever wants to subscribe is told that nothing would come.
struct RealtimeRoutes: RouteGroup {
    func add(to router: Router<ServerContext>) {
        for path in ["/v1/realtime/publish", "/v1/realtime/publish/tee"] as [RouterPath] {
            router.serve(.post, path) { request, _ in
                guard request.query("channel") != nil else {
                    throw RequestFailure(.badRequest, "missing_field", "the parameter channel is missing")
                }
                return Reply.data(["published": false, "reason": "this server delivers no realtime messages"])
            }
        }
        router.serve(.post, "/v1/realtime/token") { _, _ in
            throw RequestFailure(
                .unprocessableContent, "not_implemented",
                "this server delivers no realtime messages, so there is nothing to subscribe to")
        }
    }
}
