internal import Foundation
internal import Hummingbird
internal import Nightjar

/// What the server is, and whether it works.
struct StatusRoutes: RouteGroup {
    let services: ServerServices

    func add(to router: Router<ServerContext>) {
        let kind = services.configuration.kind
        router.get("/") { _, _ in Response.json(["service": "nightjar", "kind": .string(kind.rawValue)]) }
        router.get("health") { _, _ in Response.json(["status": "ok"]) }
        router.get("ready") { _, _ in try await ready() }
        router.post("v0/connect/start") { request, _ in try await connect(request) }
        // SDKs take it as the sign of a server that asks for no keys.
        if kind == .dev { router.get("dev") { _, _ in try await dev() } }
    }

    /// Whether requests can be served: the database answers, and its schema is this build's.
    private func ready() async throws -> Response {
        do {
            try await services.pool.withConnection { db in try Migrator.checkCurrent(db) }
            return .json(["status": "ready"])
        } catch let error as NightjarError {
            throw RequestFailure(.serviceUnavailable, "\(error.code)", error.message, headers: [.retryAfter: "5"])
        } catch is PostgresError {
            throw RequestFailure(
                .serviceUnavailable, "database_unavailable", "the database does not answer", headers: [.retryAfter: "5"]
            )
        }
    }

    /// The websocket protocol of workers does not exist here. Test helpers of SDKs ask with no body whether a dev server
    /// is up, and take 200 as the answer.
    private func connect(_ request: Request) async throws -> Response {
        let message = "Connect (workers over a websocket) is not supported; serve the functions over HTTP"
        let body = try await request.body.collect(upTo: .max)
        guard services.configuration.kind == .dev, body.readableBytes == 0 else {
            throw RequestFailure(.notImplemented, "not_implemented", message)
        }
        return .json(["status": "up", "connect": false, "message": .string(message)])
    }

    /// What SDKs and their test helpers look at to find a dev server, and whether it knows their functions.
    private func dev() async throws -> Response {
        let known = try await services.pool.withConnection { db in
            try FunctionEntry.named(db).filter { $0.archivedAt == nil && $0.url != nil }
        }
        let functions = known.map { function -> JSON in
            [
                "id": .string(function.uuid.uuidString.lowercased()), "slug": .string(function.slug),
                "name": .string(function.title ?? function.function), "appID": .string(function.app),
                "url": function.url.map { .string($0) } ?? .null,
                "triggers": .array(function.triggers.map { ["event": .string($0)] }),
            ]
        }
        let handlers = Set(known.map(\.app)).sorted().map { app -> JSON in
            ["connected": true, "error": nil, "sdk": ["appName": .string(app)]]
        }
        return .json([
            "version": "nightjar", "authed": false, "startOpts": [:], "functions": .array(functions),
            "handlers": .array(handlers), "isSingleNodeService": false, "isMissingSigningKey": false,
            "isMissingEventKeys": false, "features": [:],
        ])
    }
}
