internal import Hummingbird
internal import NIOCore
internal import Nightjar

extension RequestFailure {
    /// Says of an error what the caller can do about it; nil when it is not the caller's.
    init?(explaining error: any Error) {
        switch error {
        case let error as RequestFailure: self = error
        case let error as NightjarError:
            switch error.code {
            case .unknownRun, .unknownFunction, .unknownBulkCancel:
                self.init(.notFound, "not_found", error.message)
            case .invalidFilter, .invalidEvent, .unknownStep:
                self.init(.badRequest, "invalid_request", error.message)
            case .cannotRerun, .replacesNothing:
                self.init(.conflict, "conflict", error.message)
            default: return nil
            }
        case let error as EventError: self.init(.badRequest, "invalid_request", "\(error)")
        case let error as PostgresError where error.code == .encoding:
            self.init(.badRequest, "invalid_request", "a text of the request cannot be stored: \(error.message)")
        case let error as PostgresError:
            // What the request brought is what the database refuses: 22 data, 54 limits, and checks.
            guard let state = error.sqlState,
                ["22", "54"].contains(state.rawValue.prefix(2)) || state == .checkViolation
            else { return nil }
            self.init(
                .badRequest, "invalid_request", error.hint.map { "\(error.message). \($0)" } ?? error.message)
        case is NIOTooManyBytesError:
            self.init(.contentTooLarge, "too_large", "the body is too large; send less at once")
        default: return nil
        }
    }
}

extension Router where Context == ServerContext {
    /// Adds a route whose errors are explained to the caller where they are the caller's.
    func serve(
        _ method: HTTPRequest.Method, _ path: RouterPath,
        _ handle: @escaping @Sendable (Request, ServerContext) async throws -> Response
    ) {
        on(path, method: method) { request, context in
            do { return try await handle(request, context) } catch {
                throw RequestFailure(explaining: error) ?? error
            }
        }
    }
}
