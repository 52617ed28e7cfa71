public import Foundation

extension Step {
    /// Sends an event exactly once: it is stored together with the record of this step.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - data: The event's data.
    ///   - eventID: The event's id; chosen at random when nil.
    ///   - timestamp: When it happened; the moment it is stored when nil.
    /// - Returns: The id of the event, in an array.
    /// - Throws: ``EventError`` when the event's name or data is not allowed.
    @discardableResult
    public func sendEvent<Data: EventData>(
        _ id: String, _ data: Data, eventID: String? = nil, at timestamp: Date? = nil
    ) async throws -> [String] {
        try await send(id) { [try NewEvent(data, id: eventID, at: timestamp)] }
    }

    /// Sends events exactly once: they are stored together with the record of this step.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - events: The events, of any names.
    /// - Returns: Their ids, in the same order.
    @discardableResult
    public func sendEvent(_ id: String, _ events: NewEvent...) async throws -> [String] {
        try await send(id) { events }
    }

    /// Sends events exactly once: they are stored together with the record of this step.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - events: The events, of any names.
    /// - Returns: Their ids, in the same order.
    @discardableResult
    public func sendEvents(_ id: String, _ events: [NewEvent]) async throws -> [String] {
        try await send(id) { events }
    }

    private func send(_ id: String, _ events: () throws -> [NewEvent]) async throws -> [String] {
        try run.checkUse(of: id)
        var meeting = try run.meet { machine, now in
            try machine.meetSend(id, isCancelled: Task.isCancelled, now: now) {
                try events().map { $0.stored(as: run.makeEventID()) }
            }
        }
        while case .wait(let ticket) = meeting { meeting = try await run.wait(ticket) }
        guard case .recorded(let record) = meeting else { return [] }
        return try run.output([String].self, of: record)
    }
}
