internal import HTTPTypes
internal import Hummingbird

/// Lets web pages of any origin send events: the key is what protects, there are no cookies.
struct CrossOriginMiddleware: RouterMiddleware {
    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        guard let origin = request.headers[.origin], request.uri.path.split(separator: "/", maxSplits: 1).first == "e"
        else {
            return try await next(request, context)
        }
        guard request.method == .options else {
            var response = try await next(request, context)
            response.headers[.accessControlAllowOrigin] = origin
            response.headers[.vary] = "Origin"
            return response
        }
        return Response(
            status: .noContent,
            headers: [
                .accessControlAllowOrigin: origin, .accessControlAllowMethods: "POST, OPTIONS",
                .accessControlAllowHeaders: request.headers[.accessControlRequestHeaders] ?? "*",
                .accessControlMaxAge: "86400", .vary: "Origin, Access-Control-Request-Headers",
            ])
    }
}
