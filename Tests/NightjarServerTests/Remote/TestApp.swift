import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// Something that answers HTTP in the test's process.
struct TestApp: Sendable {
    /// What a handler knows of where a request comes from.
    struct Context: RequestContext {
        var coreContext: CoreRequestContextStorage
        let channel: any Channel

        init(source: ApplicationRequestContextSource) {
            coreContext = .init(source: source)
            channel = source.channel
        }
    }

    struct Answer: Sendable {
        var status = 200
        var headers: [String: String] = [:]
        var body = ""

        /// What an app of an SDK answers.
        static func sdk(_ status: Int, _ body: String, _ headers: [String: String] = [:]) -> Answer {
            let base = ["X-Inngest-SDK": "test:v1", "X-Inngest-Req-Version": "2"]
            return Answer(status: status, headers: base.merging(headers) { $1 }, body: body)
        }
    }

    struct Asked: Sendable {
        var method: String
        var uri: String
        var headers: [String: String]
        var body: [UInt8]
        var channel: any Channel
    }

    let port: Int
    var url: String { "http://127.0.0.1:\(port)" }

    /// Serves while `body` runs.
    ///
    /// - Parameter isLong: Whether a handler is cancelled when its connection closes; no connection is kept then.
    static func with<T: Sendable>(
        isLong: Bool = false, _ handle: @escaping @Sendable (Asked) async throws -> Answer,
        _ body: @Sendable (TestApp) async throws -> T
    ) async throws -> T {
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let responder = CallbackResponder<Context> { request, context in
            let names = request.headers.map { ($0.name.rawName.lowercased(), $0.value) }
            var headers = Dictionary(names) { first, _ in first }
            headers["host"] = request.head.authority
            let answer: @Sendable (RequestBody) async throws -> Answer = { [headers] body in
                let bytes = try await body.collect(upTo: 64 << 20)
                return try await handle(
                    Asked(
                        method: request.method.rawValue, uri: request.uri.string, headers: headers,
                        body: Array(bytes.readableBytesView), channel: context.channel))
            }
            let answered =
                isLong
                ? try await request.body.consumeWithCancellationOnInboundClose(answer) : try await answer(request.body)
            var response = Response(
                status: .init(code: answered.status), body: .init(byteBuffer: ByteBuffer(string: answered.body)))
            for (name, value) in answered.headers {
                if let name = HTTPField.Name(name) { response.headers[name] = value }
            }
            return response
        }
        let application = Application(
            responder: responder, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in continuation.yield(channel.localAddress?.port ?? 0) },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            defer { group.cancelAll() }
            var iterator = ports.makeAsyncIterator()
            let port = await iterator.next() ?? 0
            return try await body(TestApp(port: port))
        }
    }
}
