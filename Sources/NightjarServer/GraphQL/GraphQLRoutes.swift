internal import Hummingbird
internal import Nightjar
internal import NightjarCore

/// The GraphQL endpoint, as far as the SDKs' own tests need it.
struct GraphQLRoutes: RouteGroup {
    let services: ServerServices

    func add(to router: Router<ServerContext>) {
        let types = GraphQLSchema(services: services).types
        router.serve(.post, "/v0/gql") { request, context in
            let body = try await request.object()
            let query = try body.requiredText("query")
            let variables = body["variables"]?.object ?? [:]
            do {
                var executor = GraphQLExecutor(document: try GraphQLParser.parse(query), types: types)
                let answer = try await executor.execute(
                    operation: try body.text("operationName"), variables: variables, explain: Self.explain)
                return .json(text: answer.text)
            } catch let error as GraphQLError {
                // Also what is no document is answered as GraphQL has it.
                return .json(text: ReplyValue.object([("errors", [error.reply]), ("data", nil)]).text)
            }
        }
    }

    private static func explain(_ error: any Error) -> GraphQLError? {
        if let error = error as? GraphQLError { return error }
        return RequestFailure(explaining: error).map { GraphQLError($0.message, code: $0.code) }
    }
}
