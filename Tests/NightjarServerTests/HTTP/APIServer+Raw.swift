import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Nightjar

@testable import NightjarServer

extension APIServer {
    /// An answer with all that HTTP knows of it.
    struct RawAnswer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var text: String

        var json: JSON { (try? JSONCoding.value(JSON.self, from: text)) ?? nil }
        var ids: [String] { json["ids"]?.array?.compactMap(\.string) ?? [] }
    }

    /// A request of any bytes.
    func raw(
        _ method: String = "POST", _ path: String, _ body: [UInt8] = [], headers: [(String, String)] = []
    ) async throws -> RawAnswer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = .init(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if !body.isEmpty { request.body = .bytes(body) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let text = String(buffer: try await response.body.collect(upTo: 64 << 20))
        return RawAnswer(status: Int(response.status.code), headers: response.headers, text: text)
    }

    /// Sends events.
    func events(_ json: String, key: String = "any", headers: [(String, String)] = []) async throws -> RawAnswer {
        try await raw("POST", "/e/\(key)", Array(json.utf8), headers: headers)
    }

    /// One number from the database.
    func number(_ sql: String, _ parameters: [any PostgresEncodable] = []) async throws -> Int64 {
        try await services.pool.query(sql, parameters) { try $0.decode(0, as: Int64.self) }.first ?? -1
    }
}
