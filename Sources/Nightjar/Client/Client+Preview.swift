public import Foundation
public import NightjarCore
internal import PostgresClient

extension Client {
    /// The unfinished runs that an event would cancel if it were sent now, the oldest first. Nothing is sent.
    ///
    /// Which runs an event would start is no part of this.
    /// - Parameters:
    ///   - id: an id that was sent within 24 hours has no effect, and so cancels nothing.
    ///   - limit: how many runs at most, from 1.
    public func preview<Payload: EventData>(
        _ event: Payload, id: String? = nil, at timestamp: Date? = nil, limit: Int = 1_000
    ) async throws -> [CancelCandidate] {
        try await preview(NewEvent(event, id: id, at: timestamp), limit: limit)
    }

    /// The unfinished runs that an event would cancel if it were sent now, the oldest first. Nothing is sent.
    /// - Parameter limit: how many runs at most, from 1.
    public func preview(_ event: NewEvent, limit: Int = 1_000) async throws -> [CancelCandidate] {
        try await source.withConnection { db in
            try db.query(
                Statement.preview.sql,
                [
                    event.name, PostgresJSON(event.dataJSON), event.id, event.timestamp,
                    event.userJSON.map { PostgresJSON($0) }, Int32(clamping: max(limit, 1)),
                ]
            ).map(CancelCandidate.init)
        }
    }
}

/// A run that an event would cancel.
public struct CancelCandidate: Sendable, Hashable, Codable {
    /// The run.
    public var runID: UUID
    /// Its app.
    public var app: String
    /// The function's id within the app.
    public var function: String
    /// What the run is doing.
    public var status: RunRecord.Status
    /// The number of the function's policy that the event matches.
    public var policyID: Int
    /// That policy as the author of the function wrote it; nil: every event of the name cancels.
    public var policy: String?

    init(_ row: PostgresRow) throws {
        runID = try row.decode("run_id")
        app = try row.decode("app")
        function = try row.decode("function")
        status = try RunRecord.Status(stored: row.decode("status"), of: runID)
        policyID = try row.decode("policy_id")
        policy = try row.decode("policy")
    }
}
