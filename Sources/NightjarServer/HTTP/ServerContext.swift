internal import Foundation
internal import Hummingbird
internal import Logging

/// What the handling of one request knows.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The tenant that the request acts for: that of its key.
    var tenant: Int32 = 1

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
    }
}

/// Routes that belong together.
protocol RouteGroup: Sendable {
    func add(to router: Router<ServerContext>)
}
