internal import Foundation
internal import Nightjar
internal import NightjarCore
internal import PostgresClient

extension RemoteApp {
    /// Reads all remote apps, and tells which functions this build cannot read: another version may have registered them,
    /// and is to execute them; they must not keep the others from being executed. See `remote_apps.sql`.
    static func readAll(_ db: PostgresConnection) throws -> (apps: [RemoteApp], unreadable: [String: String]) {
        var apps: [RemoteApp] = []
        var unreadable: [String: String] = [:]
        for row in try db.query(Statement.remoteApps.sql) {
            let id = try row.decode("app_id", as: Int32.self)
            let app = try row.decode("app", as: String.self)
            if apps.last?.id != id {
                var found = RemoteApp(
                    id: id, tenant: try row.decode("tenant_id"), name: app, url: try row.decode("app_url"),
                    sdk: try row.decode("sdk"), functions: [])
                found.isOwn = try row.decode("is_own")
                found.hasKey = try row.decode("has_key")
                apps.append(found)
            }
            let name = try row.decode("name", as: String.self)
            let options: FunctionOptions
            do {
                options = try row.decode("options", as: PostgresJSON.self).decode()
            } catch {
                unreadable["\(app)-\(name)"] = "\(error)"
                continue
            }
            apps[apps.count - 1].functions.append(
                RemoteFunction(
                    id: try row.decode("function_id"), uuid: try row.decode("uuid"), slug: "\(app)-\(name)",
                    name: name, title: try row.decode("title"), url: try row.decode("url"),
                    options: options, isArchived: try row.decode("archived")))
        }
        return (apps, unreadable)
    }
}
