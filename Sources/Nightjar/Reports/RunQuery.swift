package import Foundation
internal import PostgresClient

/// Which runs to read.
package struct RunQuery: Sendable {
    package var status: RunRecord.Status?
    package var function: String?
    package var app: String?
    /// Only runs created since then.
    package var since: Date?
    package var limit: Int

    package init(
        status: RunRecord.Status? = nil, function: String? = nil, app: String? = nil, since: Date? = nil,
        limit: Int = 50
    ) {
        self.status = status
        self.function = function
        self.app = app
        self.since = since
        self.limit = limit
    }

    func read(_ db: PostgresConnection) throws -> [RunRecord] {
        try db.query(statement.sql, [status?.rawValue, function, app, since, limit]).map(RunRecord.init)
    }

    private var statement: Statement {
        status?.isUnfinished == true ? .reportLiveRuns : .reportRuns
    }
}
