internal import AsyncHTTPClient
internal import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPCompression

/// Calls apps over HTTP/1.1, with connections that are kept for the next call. Made once, shared by all callers.
package final class AppClient: Sendable {
    /// How many redirects are followed.
    static let mostRedirects = 10

    private let client: HTTPClient

    package init() {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(10))
        configuration.decompression = .enabled(limit: .size(64 << 20))
        // Apps close connections that nobody has used for 2 to 5 s; whoever writes into one that closes loses a call. How
        // many calls are made at once is the worker's to say.
        configuration.connectionPool = .init(idleTimeout: .seconds(1), concurrentHTTP1ConnectionsPerHostSoftLimit: 4096)
        // When to try again is ours to say: its back-off grows to a minute, and outlives the app's return.
        configuration.connectionPool.retryConnectionEstablishment = false
        // An app that refuses connections is to be noticed at once; when to try again is decided elsewhere.
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Closes all connections; to be called once, when no call is made any more.
    package func shutdown() async { try? await client.shutdown() }

    /// Why there is no answer.
    struct Failure: Error {
        var code: String
        var message: String
    }

    /// Sends a request, follows redirects with all that it has, and reads the answer.
    ///
    /// - Throws: ``Failure`` when nothing answered, or something too large; `CancellationError` when the task is cancelled:
    ///   the connection is closed then.
    func post(
        _ url: String, headers: [(String, String)], body: [UInt8], limits: RemoteLimits
    ) async throws -> AppAnswer {
        let deadline = NIODeadline.now() + .nanoseconds(Int64(limits.callDuration / .nanoseconds(1)))
        var target = url
        do {
            for _ in 0...Self.mostRedirects {
                var request = HTTPClientRequest(url: target)
                request.method = .POST
                for (name, value) in headers { request.headers.add(name: name, value: value) }
                request.body = .bytes(ByteBuffer(bytes: body))
                let response = try await client.execute(request, deadline: deadline)
                let status = Int(response.status.code)
                if [301, 302, 303, 307, 308].contains(status), let location = response.headers.first(name: "location"),
                    let next = CallURL.redirect(from: target, to: location)
                {
                    target = next
                    continue
                }
                let answer = try await response.body.collect(upTo: limits.answerBytes)
                let names = response.headers.map { ($0.name.lowercased(), $0.value) }
                return AppAnswer(
                    status: status, headers: Dictionary(names) { $0.isEmpty ? $1 : $0 },
                    body: Array(answer.readableBytesView))
            }
        } catch {
            try Task.checkCancellation()
            throw Self.failure(error, url: target, limits: limits)
        }
        throw Failure(
            code: AppError.unreachable, message: "\(url) redirects more than \(Self.mostRedirects) times")
    }

    private static func failure(_ error: any Error, url: String, limits: RemoteLimits) -> any Error {
        switch error {
        case is NIOTooManyBytesError:
            return Failure(
                code: AppError.outputTooLarge,
                message:
                    "the app's answer has more than \(limits.answerBytes) bytes; return less, and where the rest is")
        case let error as HTTPClientError where error == .deadlineExceeded:
            return Failure(
                code: AppError.tooSlow, message: "the app did not answer within \(limits.callDuration); split the step")
        case let error as HTTPClientError where error == .cancelled:
            return CancellationError()
        default:
            return Failure(code: AppError.unreachable, message: "the app cannot be reached at \(url): \(error)")
        }
    }
}
