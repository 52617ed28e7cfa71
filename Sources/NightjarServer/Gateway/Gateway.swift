internal import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPCompression
internal import NightjarCore

/// Makes the requests that apps want made for them, and lets none of them reach what only this server can reach.
///
/// The name in a URL is looked up once; all its addresses have to be public; and the connection goes to one of those very
/// addresses, whatever the name says a moment later. The same holds for every redirect.
package struct Gateway: Sendable {
    /// Bytes of a request's body, and of an answer's.
    static let mostBytes = 4 << 20
    private static let mostRedirects = 10

    /// Which addresses requests may go to.
    private let isAllowed: @Sendable (String) -> Bool
    private let duration: Duration
    private let resolve: @Sendable (String) async throws -> [String]

    /// - Parameters:
    ///   - allowsPrivate: Whether requests may go to private networks and to this machine.
    ///   - duration: How long a request may take.
    package init(allowsPrivate: Bool, duration: Duration = .seconds(900)) {
        self.init(
            isAllowed: { allowsPrivate || AddressRule.isPublic($0) }, duration: duration,
            resolve: NameResolver.addresses)
    }

    init(
        isAllowed: @escaping @Sendable (String) -> Bool, duration: Duration = .seconds(900),
        resolve: @escaping @Sendable (String) async throws -> [String]
    ) {
        self.isAllowed = isAllowed
        self.duration = duration
        self.resolve = resolve
    }

    /// Makes a request and returns its result as a step's.
    func answer(_ request: GatewayRequest) async -> CallAnswer {
        do {
            guard request.body?.utf8.count ?? 0 <= Self.mostBytes else {
                throw Refusal(message: "the request's body has more than \(Self.mostBytes) bytes", isFinal: true)
            }
            let response = try await follow(request)
            return CallAnswer(.completed(try result(of: response, request)))
        } catch let refusal as Refusal {
            return failure(refusal.message, request, isFinal: refusal.isFinal, retryAfter: refusal.retryAfter)
        } catch {
            return failure("the request to \(origin(request.url)) failed: \(error)", request, isFinal: false)
        }
    }

    struct Refusal: Error {
        var message: String
        var isFinal: Bool
        var retryAfter: String?
    }

    struct Response {
        var url: String
        var status: Int
        var headers: HTTPHeaders
        var body: ByteBuffer
    }

    private func failure(
        _ message: String, _ request: GatewayRequest, isFinal: Bool, retryAfter: String? = nil
    ) -> CallAnswer {
        let name = request.kind == .fetch ? "GatewayError" : "AIGatewayError"
        let error = RunError(name: name, message: message, code: GatewayRequest.failed)
        let told = "{\"message\":\(JSONStringText.encode(error.message)),\"name\":\"\(name)\"}"
        return CallAnswer(.failed(error, told: told), isFinal: isFinal, retryAfter: retryAfter)
    }

    // A key may stand in the query.
    private func origin(_ url: String) -> String { String(url.prefix { $0 != "?" && $0 != "#" }) }

    private func result(of response: Response, _ request: GatewayRequest) throws -> String {
        let text = String(buffer: response.body)
        if request.kind == .infer {
            guard response.status < 300 else {
                throw Refusal(
                    message: "the provider answered with status \(response.status): \(text.prefix(1000))",
                    isFinal: false,
                    retryAfter: response.headers.first(name: "retry-after"))
            }
            guard let json = try? JSONValue(text) else {
                throw Refusal(message: "the provider's answer is no JSON: \(text.prefix(1000))", isFinal: false)
            }
            return CanonicalJSON.text(of: json)
        }
        let names = Dictionary(response.headers.map { ($0.name, $0.value) }) { "\($0), \($1)" }
        let headers = names.sorted { $0.key < $1.key }
            .map { "\(JSONStringText.encode($0.key)):\(JSONStringText.encode($0.value))" }.joined(separator: ",")
        let body = JSONStringText.encode(text.replacing("\0", with: "\u{FFFD}"))
        return "{\"body\":\(body),\"headers\":{\(headers)},\"status_code\":\(response.status),"
            + "\"url\":\(JSONStringText.encode(response.url))}"
    }

    // MARK: Requests

    private func follow(_ original: GatewayRequest) async throws -> Response {
        let deadline = NIODeadline.now() + .nanoseconds(Int64(duration / .nanoseconds(1)))
        var request = original
        for _ in 0...Self.mostRedirects {
            let response = try await send(request, deadline)
            guard [301, 302, 303, 307, 308].contains(response.status),
                let location = response.headers.first(name: "location"), let base = URL(string: request.url),
                let target = URL(string: location, relativeTo: base)?.absoluteURL
            else { return response }
            if base.host != target.host || base.port != target.port || base.scheme != target.scheme {
                // What identifies the sender is for whom it was meant.
                let secret: Set = ["authorization", "cookie", "x-api-key", "proxy-authorization", "host"]
                request.headers.removeAll { secret.contains($0.name.lowercased()) }
            }
            if response.status < 307, request.method != "HEAD" {
                request.method = "GET"
                request.body = nil
                request.headers.removeAll { $0.name.lowercased().hasPrefix("content-") }
            }
            request.url = target.absoluteString
        }
        throw Refusal(message: "\(origin(original.url)) redirects too often", isFinal: false)
    }

    /// The address that a URL leads to, checked.
    private func address(of url: URL) async throws -> (host: String, address: String) {
        guard let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme), let host = url.host,
            !host.isEmpty
        else { throw Refusal(message: "\(origin(url.absoluteString)) is no URL of http or https", isFinal: true) }
        let name = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        let addresses = try await resolve(name)
        guard let first = addresses.first else { throw Refusal(message: "\(name) has no address", isFinal: false) }
        if let address = addresses.first(where: { !isAllowed($0) }) {
            throw Refusal(
                message:
                    "\(name) leads to \(address), which is not a public address; requests to private networks have "
                    + "to be allowed by whoever runs this server", isFinal: true)
        }
        return (host, first)
    }

    private func send(_ request: GatewayRequest, _ deadline: NIODeadline) async throws -> Response {
        guard let url = URL(string: request.url) else {
            throw Refusal(message: "\(origin(request.url)) is no URL", isFinal: true)
        }
        let (host, address) = try await address(of: url)
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(10))
        configuration.decompression = .enabled(limit: .size(Self.mostBytes))
        configuration.connectionPool.retryConnectionEstablishment = false
        // The address that was checked, not what the name says when the connection is made. TLS still goes by the name.
        configuration.dnsOverride = [host: address]
        return try await HTTPClient.withHTTPClient(configuration: configuration) { client in
            var outgoing = HTTPClientRequest(url: request.url)
            outgoing.method = HTTPMethod(rawValue: request.method)
            for header in request.headers { outgoing.headers.add(name: header.name, value: header.value) }
            if let body = request.body { outgoing.body = .bytes(ByteBuffer(string: body)) }
            let response = try await client.execute(outgoing, deadline: deadline)
            do {
                return Response(
                    url: request.url, status: Int(response.status.code), headers: response.headers,
                    body: try await response.body.collect(upTo: Self.mostBytes))
            } catch is NIOTooManyBytesError {
                throw Refusal(message: "the answer has more than \(Self.mostBytes) bytes", isFinal: true)
            }
        }
    }
}
