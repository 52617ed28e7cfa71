internal import Foundation
internal import Hummingbird
internal import Nightjar

/// The functions of an app.
struct FunctionRoutes: RouteGroup {
    let services: ServerServices

    func add(to router: Router<ServerContext>) {
        router.serve(.get, "/v1/apps/:name/functions") { _, context in
            let app = context.parameters.get("name")?.removingPercentEncoding ?? ""
            let functions = try await services.reads.withConnection { db in
                try FunctionEntry.existing(db, app: app, function: nil)
            }
            // The one answer of version 1 without an envelope.
            return .json(text: ReplyValue.array(functions.filter { $0.archivedAt == nil }.map(\.v1)).text)
        }
    }
}
