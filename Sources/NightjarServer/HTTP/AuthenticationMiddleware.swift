internal import Hummingbird

/// Lets only those to the API who have a signing key, as a bearer token, and has requests act for the tenant whose key it is. In
/// dev mode everybody is let through, for the tenant of the server's connections.
struct AuthenticationMiddleware: RouterMiddleware {
    private static let protected: Set<Substring> = ["v0", "v1", "v2", "api", "fn", "invoke"]

    let keys: ServerKeys
    let tenant: Int32
    let eventKeys: EventKeys
    let owners: SigningKeyOwners

    init(_ services: ServerServices) {
        keys = services.configuration.keys
        tenant = services.tenant
        eventKeys = services.eventKeys
        owners = services.signingKeyOwners
    }

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.tenant = tenant
        let area = request.uri.path.split(separator: "/", maxSplits: 1).first ?? ""
        guard !keys.isEmpty, Self.protected.contains(area) else { return try await next(request, context) }
        let owner = try await owner(of: request.headers[.authorization], in: area)
        context.tenant = owner.tenant
        context.recognize(owner)
        guard context.tenant != tenant else { return try await next(request, context) }
        return try await ActingTenant.$current.withValue(context.tenant) { [context] in
            try await next(request, context)
        }
    }

    private func owner(of header: String?, in area: Substring) async throws -> KeyOwner {
        if let owner = try await owners.owner(of: header) { return owner }
        // An event key may do what sending an event may.
        if area == "invoke", let header, header.lowercased().hasPrefix("bearer ") {
            let key = header.dropFirst("bearer ".count).trimmingSpaces()
            if let owner = try await eventKeys.owner(of: key) { return owner }
        }
        throw RequestFailure(
            .unauthorized, "unauthorized",
            header == nil && (keys.signing != nil || keys.signingIsStored)
                ? "the header \"Authorization: Bearer <signing key>\" is missing"
                : keys.signing == nil && !keys.signingIsStored
                    ? "the server has no signing key, so its API is closed; start it with NIGHTJAR_SIGNING_KEY or "
                        + "--signing-key-file, or make one for a tenant with 'nightjar keys signing create'"
                    : "the signing key is not the server's, nor a tenant's",
            headers: [.wwwAuthenticate: "Bearer"])
    }
}

extension StringProtocol {
    /// The text without spaces at its ends.
    func trimmingSpaces() -> String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
