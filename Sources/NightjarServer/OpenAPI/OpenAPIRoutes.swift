internal import CAssets
internal import Hummingbird

/// The description of everything that is answered, for people and programs. The tests compare it with the routes and with
/// what they answer.
struct OpenAPIRoutes: RouteGroup {
    /// An OpenAPI 3.1 document.
    static let document = String(cString: nightjar_openapi().text)

    func add(to router: Router<ServerContext>) {
        router.get("openapi.json") { _, _ in Response.json(text: Self.document) }
    }
}
