internal import Foundation
internal import Hummingbird
internal import Logging
internal import Nightjar

/// What the handling of one request knows.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The tenant that the request acts for: that of its key, else that of the server's connections. 0, which none has, until
    /// ``AuthenticationMiddleware`` has said it.
    var tenant: Int32 = 0
    /// Whose key the request came with, for the log.
    let recognized = RecognizedTenant()
    /// What the request is known by: what the client calls it, or a name of ours.
    var requestID: String

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        // Not `id`: a log that keeps nothing does not keep that either.
        requestID = source.logger[metadataKey: "hb.request.id"]?.description ?? UUID().uuidString.lowercased()
    }
}

extension ServerContext {
    /// What is logged of the request from now on says for whom it acts; that of the middleware around, too.
    mutating func recognize(_ owner: KeyOwner) {
        recognized.name = owner.name
        logger = recognizedLogger
    }

    /// The logger that says whose key the request came with, if one was recognized inside.
    var recognizedLogger: Logger {
        var logger = logger
        if let name = recognized.name { logger[metadataKey: LogKey.tenant] = "\(name)" }
        return logger
    }
}

/// Routes that belong together.
protocol RouteGroup: Sendable {
    func add(to router: Router<ServerContext>)
}
