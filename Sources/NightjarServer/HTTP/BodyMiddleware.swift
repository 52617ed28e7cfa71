internal import Hummingbird
internal import NIOCore

/// Takes the body of a request as a whole, within limits of size and time, before anything else is done with it.
struct BodyMiddleware: RouterMiddleware {
    let configuration: ServerConfiguration

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var request = request
        let limit = configuration.bodyLimit
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge }
        do {
            request.body = RequestBody(buffer: try await collect(request.body, upTo: limit))
        } catch is NIOTooManyBytesError {
            throw tooLarge
        } catch let error where !(error is RequestFailure) && !(error is CancellationError) {
            // What HTTP's parser says: a length or chunks that do not fit, an end before the end.
            throw RequestFailure(
                .badRequest, "body_invalid", "the body cannot be read: \(error)", headers: [.connection: "close"])
        }
        return try await next(request, context)
    }

    private var tooLarge: RequestFailure {
        RequestFailure(
            .contentTooLarge, "too_large", "the body has more than \(configuration.bodyLimit) bytes; send less at once")
    }

    private func collect(_ body: RequestBody, upTo limit: Int) async throws -> ByteBuffer {
        try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
            group.addTask { try await body.collect(upTo: limit) }
            group.addTask { [timeout = configuration.bodyTimeout] in
                try await Task.sleep(for: timeout)
                throw RequestFailure(
                    .requestTimeout, "timeout", "the body did not arrive within \(timeout)",
                    headers: [.connection: "close"])
            }
            defer { group.cancelAll() }
            return try await group.next() ?? ByteBuffer()
        }
    }
}
