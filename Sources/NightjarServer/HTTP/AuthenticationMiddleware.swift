internal import Hummingbird

/// Lets only those to the API who have the signing key, as a bearer token. In dev mode everybody is let through.
struct AuthenticationMiddleware: RouterMiddleware {
    private static let protected: Set<Substring> = ["v0", "v1", "v2", "api", "fn", "invoke"]

    let keys: ServerKeys
    let eventKeys: EventKeys

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let area = request.uri.path.split(separator: "/", maxSplits: 1).first ?? ""
        guard !keys.isEmpty, Self.protected.contains(area) else { return try await next(request, context) }
        let header = request.headers[.authorization]
        if let signing = keys.signing, signing.accept(authorization: header) { return try await next(request, context) }
        // An event key may do what sending an event may.
        if area == "invoke", let header, header.lowercased().hasPrefix("bearer ") {
            var context = context
            context.tenant = try await eventKeys.tenant(of: header.dropFirst("bearer ".count).trimmingSpaces())
            return try await next(request, context)
        }
        throw RequestFailure(
            .unauthorized, "unauthorized",
            keys.signing == nil
                ? "the server has no signing key, so its API is closed; start it with NIGHTJAR_SIGNING_KEY or --signing-key-file"
                : header == nil
                    ? "the header \"Authorization: Bearer <signing key>\" is missing"
                    : "the signing key is not the server's",
            headers: [.wwwAuthenticate: "Bearer"])
    }
}

extension StringProtocol {
    /// The text without spaces at its ends.
    func trimmingSpaces() -> String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
