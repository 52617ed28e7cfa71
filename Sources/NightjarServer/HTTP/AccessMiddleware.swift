internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import Nightjar
internal import Synchronization

/// The outermost part of each request: its id, its line in the log, and how many there may be at once.
final class AccessMiddleware: RouterMiddleware {
    private let kind: ServerKind
    private let limit: Int
    private let count = Atomic<Int>(0)

    init(_ configuration: ServerConfiguration) {
        kind = configuration.kind
        limit = configuration.requestLimit
    }

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        var context = context
        if let id = request.headers[.requestID], Self.isUsable(id) { context.requestID = id }
        context.logger[metadataKey: "hb.request.id"] = "\(context.requestID)"
        let current = count.add(1, ordering: .relaxed).newValue
        defer { count.subtract(1, ordering: .relaxed) }
        var response =
            current > limit
            ? FailureMiddleware.response(to: Self.overloaded, path: request.uri.path) : try await next(request, context)
        response.headers[.serverKind] = kind.rawValue
        response.headers[.requestID] = context.requestID
        let level: Logger.Level = response.status.code >= 500 ? .warning : Self.isProbe(request) ? .debug : .info
        context.recognizedLogger.log(
            level: level, "request",
            metadata: [
                "method": "\(request.method.rawValue.prefix(16))", "path": "\(Self.path(of: request))",
                "status": "\(response.status.code)",
                "milliseconds": "\(Int((ContinuousClock.now - start) / .milliseconds(1)))",
                "agent": "\((request.headers[.userAgent] ?? "").prefix(100))",
            ])
        return response
    }

    /// Without the query and without event keys, which are secrets.
    private static func path(of request: Request) -> String {
        let path = request.uri.path.prefix(200)
        let parts = path.split(separator: "/", maxSplits: 1)
        return parts.first == "e" && parts.count > 1 ? "/e/…" : String(path)
    }

    private static func isProbe(_ request: Request) -> Bool {
        ["/health", "/ready", "/dev"].contains(request.uri.path)
    }

    private static func isUsable(_ id: String) -> Bool {
        (1...64).contains(id.utf8.count) && id.utf8.allSatisfy { $0 == 45 || $0 == 95 || $0 == 46 || $0.isAlphanumeric }
    }

    private static let overloaded = RequestFailure(
        .serviceUnavailable, "overloaded", "the server handles as many requests as it takes at once; try again soon",
        headers: [.retryAfter: "1"])
}

extension UInt8 {
    fileprivate var isAlphanumeric: Bool {
        (48...57).contains(self) || (65...90).contains(self) || (97...122).contains(self)
    }
}

extension HTTPField.Name {
    static let requestID = HTTPField.Name("x-request-id")!
}
