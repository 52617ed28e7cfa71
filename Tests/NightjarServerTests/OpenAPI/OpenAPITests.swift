import Foundation
import Hummingbird
import NightjarCore
import Testing

@testable import NightjarServer

@Suite("The OpenAPI document", .timeLimit(.minutes(5)))
struct OpenAPITests {
    private struct Operation {
        var path: String
        var method: String
        var description: JSON

        var name: String { "\(method) \(path)" }
    }

    private static func document() throws -> JSON { try JSONCoding.value(JSON.self, from: OpenAPIRoutes.document) }

    /// All operations, references to paths and parameters resolved.
    private static func operations(_ validator: SchemaValidator) -> [Operation] {
        (validator.document["paths"]?.object ?? [:]).sorted { $0.key < $1.key }.flatMap { path, item in
            let item = item["$ref"]?.string.map(validator.resolve) ?? item
            return (item.object ?? [:]).sorted { $0.key < $1.key }.map { method, description in
                Operation(path: path, method: method.uppercased(), description: description)
            }
        }
    }

    @Test("names every route of the server, and no other")
    func routes() async throws {
        let described = Set(Self.operations(SchemaValidator(document: try Self.document())).map(\.name))
        try await APIServer.with([]) { server in
            let router = Router(context: ServerContext.self)
            for group in server.services.groups { group.add(to: router) }
            let served = Set(
                router.routes.map { route in
                    let path = route.path.description.split(separator: "/").map { part in
                        part.hasPrefix(":") ? "{\(part.dropFirst())}" : String(part)
                    }
                    return "\(route.method.rawValue) /\(path.joined(separator: "/"))"
                })
            #expect(served.subtracting(described).sorted() == [], "served and not described")
            #expect(described.subtracting(served).sorted() == [], "described and not served")
        }
    }

    @Test("Operations have ids of their own, and parameters for what their paths name")
    func consistency() throws {
        let validator = SchemaValidator(document: try Self.document())
        let own = Self.operations(validator)
        // Those that stand at two paths have none.
        let ids = own.compactMap { $0.description["operationId"]?.string }
        #expect(Set(ids).count == ids.count)
        for operation in own {
            let parameters = (operation.description["parameters"]?.array ?? []).map { parameter in
                parameter["$ref"]?.string.map(validator.resolve) ?? parameter
            }
            let inPath = Set(parameters.filter { $0["in"]?.string == "path" }.compactMap { $0["name"]?.string })
            let named = Set(operation.path.matches(of: /\{(\w+)\}/).map { String($0.output.1) })
            #expect(inPath == named, "\(operation.name)")
            if let media = operation.description["requestBody"]?["content"]?["application/json"] {
                let problems = validator.problems(media["example"] ?? nil, media["schema"] ?? true)
                #expect(problems == [], "the example of \(operation.name)")
            }
        }
    }

    @Test(
        "Every operation answers with a status that it names, and a body that fits: asked as its example has it, and badly"
    )
    func answers() async throws {
        try await APIServer.with { server in
            let validator = SchemaValidator(document: try Self.document())
            let fixtures = try await Fixtures(server)
            for operation in Self.operations(validator) {
                var seen: Set<Int> = []
                let requests = fixtures.requests(operation.method, operation.path, operation.description)
                for (path, body) in requests {
                    let answer = try await server.request(operation.method, path, body: body)
                    seen.insert(answer.status)
                    let what =
                        "\(operation.method) \(path) \(body ?? "") answers \(answer.status) \(answer.text.prefix(500))"
                    guard var described = operation.description["responses"]?["\(answer.status)"] else {
                        Issue.record("not described: \(what)")
                        continue
                    }
                    if let reference = described["$ref"]?.string { described = validator.resolve(reference) }
                    guard let media = described["content"]?["application/json"] else {
                        #expect(answer.text.isEmpty, "\(what)")
                        continue
                    }
                    let problems = validator.problems(answer.body, media["schema"] ?? true)
                    #expect(problems == [], "\(what)")
                }
                // What needs a call under way is held against the document where such a call is made.
                if ["POST /v1/signals", "POST /v1/checkpoint/{id}/async"].contains(operation.name) { continue }
                let successes = (operation.description["responses"]?.object ?? [:]).keys.filter { $0.hasPrefix("2") }
                let expected = successes.isEmpty ? [422] : successes.compactMap { Int($0) }
                #expect(!seen.isDisjoint(with: expected), "\(operation.name) has answered \(seen.sorted()) only")
            }
        }
    }

    /// Checks one answer against the document.
    static func check(_ answer: APIServer.Answer, _ method: String, _ path: String) throws {
        let validator = SchemaValidator(document: try document())
        var described = try #require(validator.document["paths"]?[path]?[method]?["responses"]?["\(answer.status)"])
        if let reference = described["$ref"]?.string { described = validator.resolve(reference) }
        let problems = validator.problems(answer.body, described["content"]?["application/json"]?["schema"] ?? true)
        #expect(problems == [], "\(method) \(path) answers \(answer.status) \(answer.text)")
    }

    /// What there is to ask about.
    private struct Fixtures {
        let event: String
        let ended: String
        /// Unfinished runs: each cancel needs one of its own.
        let unfinished: [String]
        let cancellation: String

        init(_ server: APIServer) async throws {
            event = try await server.send("api/echo", ["key": "k"])
            ended = try await server.start("api/fail")
            try await server.run(ended, isStatus: "Failed")
            var runs: [String] = []
            for _ in 0..<6 { runs.append(try await server.start("api/wait")) }
            for run in runs { try await server.run(run, "waits") { $0["state"]?.string == "waiting" } }
            unfinished = runs
            let cancelled = try await server.start("api/nap", ["key": "c"])
            _ = try await server.delete("/v1/runs/\(cancelled)?reason=test")
            let answer = try await server.post(
                "/v1/cancellations", ["app_id": "shop", "function_id": "nap", "started_before": "2020-01-01T00:00:00Z"])
            cancellation = try #require(answer.data["id"]?.string)
        }

        /// Requests to an operation: good ones, with ids that are unknown or none, and with bodies that cannot be.
        func requests(_ method: String, _ path: String, _ description: JSON) -> [(path: String, body: String?)] {
            let example = description["requestBody"]?["content"]?["application/json"]?["example"]
            let body = example.flatMap { try? JSONCoding.text($0) }
            let ids: [String]
            if path.contains("/events/{id}") {
                ids = [event]
            } else if path.contains("/cancellations/{id}") {
                ids = [cancellation]
            } else if path == "/v0/runs/{id}" {
                ids = [unfinished[0], ended]
            } else if path == "/api/v2/runs/{id}/cancel" {
                ids = [unfinished[1], ended, unfinished[1]]
            } else if path == "/v2/runs/{id}/cancel" {
                ids = [unfinished[2], unfinished[2]]
            } else {
                ids = [ended, unfinished[3]]
            }
            var requests: [(String, String?)] = (path.contains("{id}") ? ids + [ULID.text(UUID()), "nonsense"] : [""])
                .map {
                    (fill(path, $0), body)
                }
            if path.contains("{name}") { requests.append(("/v1/apps/nobody/functions", nil)) }
            if path.contains("{slug}") { requests.append(("/invoke/nothing", body)) }
            if body != nil {
                for bad in [
                    "", "{", "[]", "null", "{}",
                    #"{"name": 1, "signal": 1, "query": 1, "app_id": 1, "steps": 1, "functions": 1}"#,
                ] {
                    requests.append((fill(path, ids[0]), bad))
                }
            }
            if method == "GET" { requests.append((fill(path, ids[0]) + "?limit=x&cursor=x&status=x", nil)) }
            return requests
        }

        private func fill(_ path: String, _ id: String) -> String {
            path.replacing("{id}", with: id).replacing("{key}", with: "key").replacing("{name}", with: "shop")
                .replacing("{slug}", with: "shop-echo").replacing("{app}", with: "shop").replacing(
                    "{function}", with: "echo")
                + (path.contains("/realtime/publish") ? "?channel=c&topic=t" : "")
        }
    }
}
