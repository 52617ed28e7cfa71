public import Foundation
internal import PostgresClient

extension Client {
    /// Runs an ended run again: a new run of the same function with the same event. Only events that are sent from now on
    /// cancel it.
    /// - Parameter step: keep what the old run had recorded before this step began, so that the new one goes on there;
    ///   nil: from the beginning. Steps are named as ``RunRecord``'s reports name them: from its second use on with an index.
    /// - Returns: the new run.
    /// - Throws: ``NightjarError`` with `unknownRun`; `unknownStep` when the old run never came to that step;
    ///   `cannotRerun` when it has not ended, or its event is no longer kept.
    @discardableResult
    public func rerun(_ run: UUID, keepingStepsBefore step: String? = nil) async throws -> UUID {
        let codes: [SQLState: NightjarError.Code] = [
            .noDataFound: .unknownRun, .undefinedObject: .unknownStep, .objectNotInPrerequisiteState: .cannotRerun,
        ]
        let id = try await source.withConnection { db in
            try NightjarError.refusals(codes) {
                try db.query("SELECT nightjar.rerun($1, $2)", [run, step])[0].decode(0, as: UUID.self)
            }
        }
        await hints.send([.ready])
        return id
    }
}
