internal import Foundation
internal import Hummingbird
internal import Logging

/// What the handling of one request knows.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The tenant that the request acts for: that of its key, else that of the server's connections. 0, which none has, until
    /// ``AuthenticationMiddleware`` has said it.
    var tenant: Int32 = 0
    /// What the request is known by: what the client calls it, or a name of ours.
    var requestID: String

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        // Not `id`: a log that keeps nothing does not keep that either.
        requestID = source.logger[metadataKey: "hb.request.id"]?.description ?? UUID().uuidString.lowercased()
    }
}

/// Routes that belong together.
protocol RouteGroup: Sendable {
    func add(to router: Router<ServerContext>)
}
