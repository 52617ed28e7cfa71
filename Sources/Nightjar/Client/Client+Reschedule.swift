public import Foundation
public import NightjarCore
public import PostgresClient

extension Client {
    /// Sends an event that replaces what earlier ones with the same key have started: cancel and schedule anew in one.
    ///
    /// For functions with a cancellation policy on their own event, such as
    /// `.cancelOn(PostScheduled.self, match: \.postID)`. Of two at once the later one stays. It does what sending the event
    /// does, and refuses where that would replace nothing.
    /// - Parameters:
    ///   - id: chosen by you; a second event with the same id within 24 hours has no effect.
    ///   - timestamp: when it happened; ahead of now, the runs that it starts begin then.
    /// - Throws: ``NightjarError`` with `replacesNothing` when no function that the event starts has such a policy;
    ///   `invalidEvent` when the event lacks the field that the policy compares. Then nothing was sent.
    @discardableResult
    public func reschedule<Payload: EventData>(
        _ event: Payload, id: String? = nil, at timestamp: Date? = nil
    ) async throws -> Rescheduled {
        try await reschedule(NewEvent(event, id: id, at: timestamp))
    }

    /// Sends an event that replaces what earlier ones with the same key have started; see ``reschedule(_:id:at:)``.
    @discardableResult
    public func reschedule(_ event: NewEvent) async throws -> Rescheduled {
        let rescheduled = try await source.withConnection { db in try Self.reschedule(event, in: db) }
        await hints.send([.ready, .pending])
        return rescheduled
    }

    /// Sends such an event inside the caller's own transaction: it has its effect when that commits, and none if it does
    /// not; see ``reschedule(_:id:at:)``.
    @discardableResult
    public static func reschedule(_ event: NewEvent, in db: PostgresConnection) throws -> Rescheduled {
        let codes: [SQLState: NightjarError.Code] = [
            .objectNotInPrerequisiteState: .replacesNothing, .invalidParameterValue: .invalidEvent,
        ]
        let rows = try NightjarError.refusals(codes) {
            try db.query(
                Statement.reschedule.sql,
                [
                    event.name, PostgresJSON(event.dataJSON), event.id, event.timestamp,
                    event.userJSON.map { PostgresJSON($0) },
                ])
        }
        return Rescheduled(
            eventID: try rows[0].decode("event_id"),
            runs: try rows.compactMap { try $0.decode("run_id", as: UUID?.self) })
    }
}

/// What replaced earlier runs.
public struct Rescheduled: Sendable, Hashable {
    /// The event that was sent: its own id, or the one under which it is stored.
    public var eventID: String
    /// The runs that it started; none when an event with this id was here within 24 hours.
    public var runs: [UUID]
}
