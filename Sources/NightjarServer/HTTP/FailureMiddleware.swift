internal import Hummingbird
internal import Logging
internal import Nightjar

/// Makes every failure a JSON answer in the shape of the API that the request was made to.
struct FailureMiddleware: RouterMiddleware {
    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            return Self.response(to: failure(for: error, request, context), path: request.uri.path)
        }
    }

    /// The answer to a request of this path.
    static func response(to failure: RequestFailure, path: String) -> Response {
        var response = Response.json(FailureShape(path: path).body(of: failure), status: failure.status)
        for field in failure.headers { response.headers.append(field) }
        return response
    }

    private func failure(for error: any Error, _ request: Request, _ context: ServerContext) -> RequestFailure {
        let refusal = (error as? PostgresError).flatMap(NightjarError.tenantRefusal) ?? error as? NightjarError
        if let failure = refusal.flatMap(RequestFailure.init(ofTenant:)) { return failure }
        switch error {
        case let error as RequestFailure:
            return error
        case let error as any HTTPResponseError where error.status == .notFound:
            return RequestFailure(.notFound, "not_found", "there is nothing at \(request.method.rawValue) of this path")
        case let error as any HTTPResponseError:
            let message = (error as? HTTPError)?.body ?? error.status.reasonPhrase
            return RequestFailure(error.status, "invalid_request", message)
        case let error as PostgresError
        where error.isConnectionLoss || error.isRetryable || error.code == .poolExhausted:
            context.recognizedLogger.warning("the database cannot be reached", metadata: ["error": "\(error.message)"])
            return RequestFailure(
                .serviceUnavailable, "database_unavailable", "the database cannot be reached; try again soon",
                headers: [.retryAfter: "1"])
        default:
            context.recognizedLogger.error("a request failed", metadata: ["error": "\(error)"])
            return RequestFailure(
                .internalServerError, "internal_error",
                "the server could not do this; its log says why, under the request's id")
        }
    }
}
