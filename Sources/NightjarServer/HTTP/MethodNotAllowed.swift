internal import Hummingbird

/// Answers 405 where there is a route, but none for the method.
enum MethodNotAllowed {
    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]

    /// Completes a router that has all its routes.
    static func add(to router: Router<ServerContext>) {
        let known = Dictionary(grouping: router.routes) { $0.path.description }
        for routes in known.values {
            guard let path = routes.first?.path else { continue }
            var allowed = Set(routes.map(\.method))
            // The router makes these of the former.
            if allowed.contains(.get) { allowed.insert(.head) }
            let names = allowed.map(\.rawValue).sorted().joined(separator: ", ")
            for method in methods where !allowed.contains(method) {
                router.on(path, method: method) { request, _ -> Response in
                    throw RequestFailure(
                        .methodNotAllowed, "method_not_allowed",
                        "\(method.rawValue) is not possible here; there is \(names)", headers: [.allow: names])
                }
            }
        }
    }
}
