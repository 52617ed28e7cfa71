internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Nightjar
internal import NightjarCore

/// Where SDKs register their apps.
struct RegisterRoutes: RouteGroup {
    let services: ServerServices

    func add(to router: Router<ServerContext>) {
        router.post("fn/register") { request, _ in try await register(request) }
    }

    private func register(_ request: Request) async throws -> Response {
        let kind = services.configuration.kind
        if let expected = request.headers[.expectedServerKind], !expected.isEmpty, expected != kind.rawValue {
            throw RequestFailure(
                .badRequest, "server_kind_mismatch",
                "the app expects a server of the kind \"\(expected.prefix(20))\", and this one is \"\(kind.rawValue)\": "
                    + "with INNGEST_DEV an SDK expects a server without keys, else one with them")
        }
        let body = try await request.body.collect(upTo: .max)
        let app: AppConfig
        do {
            app = try AppConfig(try JSONBody.value(body), sdk: request.headers[.sdk])
            let outcome = try await services.registry.sync(app)
            var answer: [String: JSON] = [
                "ok": true, "modified": .bool(outcome.isModified), "skipped": false, "status": 200,
                "sync_id": .string(outcome.syncID.uuidString.lowercased()),
                "app_id": .string(outcome.appID.uuidString.lowercased()),
            ]
            if !outcome.warnings.isEmpty { answer["warnings"] = .array(outcome.warnings.map { .string($0) }) }
            return .json(.object(answer))
        } catch let refusal as SyncRefusal {
            throw refusal.failure
        }
    }
}

extension HTTPField.Name {
    static let expectedServerKind = HTTPField.Name("X-Inngest-Expected-Server-Kind")!
    static let serverKind = HTTPField.Name("X-Inngest-Server-Kind")!
    static let sdk = HTTPField.Name("X-Inngest-SDK")!
    static let syncKind = HTTPField.Name("x-inngest-sync-kind")!
    static let signature = HTTPField.Name("X-Inngest-Signature")!
}
