import ExpressionTesting
import Foundation
import Nightjar
import Testing

@testable import NightjarServer

@Suite("Requests that make no sense", .timeLimit(.minutes(10)))
struct MalformedEventTests {
    private static let fragments: [[UInt8]] =
        [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "null", "true", "1e999", "-", "0", "1.5",
            "\"name\"",
            "\"data\"", "\"a/b\"", "\"inngest/x\"", "\"ts\"", "\"id\"", "\"user\"", "\"functions\"", "\"url\"",
            "\"appName\"",
            "\"triggers\"", "\"steps\"", " ", "\n", "é", "{}", "[[[[[[[[", "name=a&b=c", "--x\r\n", "\"_inngest\"",
        ].map { Array($0.utf8) } + [[0xFF], [0xC0, 0x80], [0], [0xED, 0xA0, 0x80]]
    private static let whole = [
        "{\"name\":\"a/b\",\"data\":{\"x\":[1,2.5,\"é\",null]},\"ts\":1700000000000,\"id\":\"x\"}",
        "[{\"name\":\"a\"},{\"name\":\"b\",\"user\":{}}]",
        "{\"url\":\"http://127.0.0.1:1/x\",\"appName\":\"a\",\"functions\":[{\"id\":\"a-f\",\"name\":\"f\",\"triggers\":[{\"event\":\"e\",\"expression\":\"event.data.a == 1\"}],\"steps\":{\"step\":{\"id\":\"step\",\"runtime\":{\"url\":\"http://127.0.0.1:1/x\"}}},\"cancel\":[{\"event\":\"c\",\"if\":\"event.data.a == async.data.a\",\"timeout\":\"1d\"}]}]}",
    ]
    private static let paths = [
        "/e/key", "/e/%00", "/e/a/b", "/fn/register", "/invoke/a-f", "/invoke/%ff", "/v1/events?limit=%00", "/", "/e",
        "/nope/%2e",
        "/v0/connect/start",
    ]
    private static let headers = [
        ("content-type", "application/json"), ("content-type", "multipart/form-data"), ("content-type", ""),
        ("x-inngest-event-id-seed", "1,AAAAAAAAAAAAAA=="), ("x-inngest-event-id-seed", "é"),
        ("authorization", "Bearer é"), ("x-request-id", String(repeating: "x", count: 500)), ("origin", "null"),
        ("x-inngest-expected-server-kind", "cloud"), ("content-encoding", "br"), ("expect", "x"),
    ]

    /// A body made of pieces, or a whole one of which some bytes have changed.
    private static func body(_ random: inout SeededGenerator) -> [UInt8] {
        if Bool.random(using: &random) {
            return (0..<Int.random(in: 0...30, using: &random)).flatMap { _ in
                fragments.randomElement(using: &random) ?? []
            }
        }
        var bytes = Array((whole.randomElement(using: &random) ?? "").utf8)
        for _ in 0..<Int.random(in: 0...4, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &random)
            case 1: bytes.remove(at: index)
            default: bytes.insert(contentsOf: fragments.randomElement(using: &random) ?? [], at: index)
            }
        }
        return bytes
    }

    @Test("10,000 of them: each is answered, none by an error of the server", arguments: [UInt64(1), 2])
    func fuzzed(_ seed: UInt64) async throws {
        try await APIServer.with([]) { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<8 {
                    group.addTask {
                        var random = SeededGenerator(seed: seed * 100 + UInt64(lane))
                        for _ in 0..<625 {
                            let path = Self.paths.randomElement(using: &random) ?? "/"
                            let method =
                                ["POST", "POST", "POST", "PUT", "GET", "DELETE"].randomElement(using: &random) ?? "POST"
                            let body = method == "GET" ? [] : Self.body(&random)
                            let headers = (0..<Int.random(in: 0...2, using: &random)).compactMap { _ in
                                Self.headers.randomElement(using: &random)
                            }
                            let answer = try await server.raw(method, path, body, headers: headers)
                            let isKnown = answer.status < 500 || answer.status == 501 && path == "/v0/connect/start"
                            #expect(
                                isKnown,
                                "\(method) \(path) \(headers) \(String(decoding: body, as: UTF8.self)): \(answer)")
                            if answer.status >= 400 { #expect(answer.json.object != nil, "\(answer)") }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await server.raw("GET", "/ready").status == 200)
        }
    }
}
