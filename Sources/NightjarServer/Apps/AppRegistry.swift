internal import Foundation
internal import Logging
internal import Nightjar

/// Stores what apps say they are.
struct AppRegistry: Sendable {
    /// What a sync has done.
    struct Outcome: Sendable {
        var isModified: Bool
        var appID: UUID
        var syncID: UUID
        var warnings: [String]
    }

    let pool: PostgresPool
    let logger: Logger

    /// Registers an app: what is unchanged is not written, what is missing is put right, functions that are no longer named
    /// are archived.
    func sync(_ app: AppConfig) async throws -> Outcome {
        let entry = PostgresJSON(try app.entry())
        let outcome: Outcome
        do {
            outcome = try await pool.transaction(retries: 5) { db in
                let row = try db.query(
                    "SELECT s.modified, nightjar.app_uuid(s.app_id) AS app_uuid, s.sync_id FROM nightjar.sync($1) s",
                    [entry])[0]
                return Outcome(
                    isModified: try row.decode("modified"), appID: try row.decode("app_uuid"),
                    syncID: try row.decode("sync_id"), warnings: app.warnings)
            }
        } catch let error as PostgresError where error.sqlState == .invalidParameterValue {
            throw SyncRefusal(problems: [
                SyncProblem("appName", error.hint.map { "\(error.message). \($0)" } ?? error.message)
            ])
        }
        if outcome.isModified {
            logger.info(
                "an app is registered",
                metadata: [
                    "app": "\(app.name)", "sdk": "\(app.sdk)", "url": "\(app.url)",
                    "functions": "\(app.functions.count)",
                ])
            for warning in outcome.warnings {
                logger.warning(
                    "an app asks for more than is done", metadata: ["app": "\(app.name)", "reason": "\(warning)"])
            }
        }
        return outcome
    }
}
