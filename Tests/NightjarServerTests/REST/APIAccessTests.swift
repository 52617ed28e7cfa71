import Foundation
import NightjarCore
import Testing

@testable import NightjarServer

@Suite("Who may use the API", .timeLimit(.minutes(5)))
struct APIAccessTests {
    @Test("With a signing key, whoever has it, and nobody else; in the shape of each API")
    func keys() async throws {
        let key = "signkey-prod-" + String(repeating: "ab", count: 16)
        try await APIServer.with([], configure: { $0.keys.signing = (try? SigningKey(key)).map { SigningKeys($0) } }) {
            server in
            let paths = [
                ("GET", "/v1/events"), ("GET", "/v1/runs"), ("DELETE", "/v1/runs/x"), ("POST", "/v1/cancellations"),
                ("POST", "/v1/signals"), ("GET", "/v0/runs/x/actions"), ("POST", "/v0/gql"),
                ("POST", "/v1/checkpoint/x/async"),
                ("GET", "/v1/apps/shop/functions"), ("POST", "/v1/realtime/publish"), ("GET", "/v1/runs/x/steps"),
            ]
            for (method, path) in paths {
                for header in [nil, "Bearer nonsense", key] {
                    let headers = header.map { ["authorization": $0] } ?? [:]
                    let answer = try await server.request(method, path, headers: headers)
                    #expect(answer.status == 401, "\(method) \(path) \(header ?? "")")
                    #expect(answer.body["status"]?.integer == 401)
                    #expect(!answer.text.contains(key))
                }
            }
            let second = try await server.get("/api/v2/runs")
            #expect(second.status == 401)
            #expect(second.body["errors"]?[0]?["code"]?.string == "unauthorized")
            let open = try await server.request("GET", "/v1/runs", headers: ["authorization": "Bearer \(key)"])
            #expect(open.status == 200, "\(open.text)")
            let document = try await server.get("/openapi.json")
            #expect(document.status == 200, "the document is no secret")
        }
    }
}
