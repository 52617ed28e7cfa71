internal import Hummingbird
internal import Nightjar

/// What the server is, and whether it works.
struct StatusRoutes: RouteGroup {
    let services: ServerServices

    func add(to router: Router<ServerContext>) {
        router.get("/") { _, _ in
            Response.json(["service": "nightjar", "kind": .string(services.configuration.kind.rawValue)])
        }
        router.get("health") { _, _ in Response.json(["status": "ok"]) }
    }
}
