import Foundation

extension Step {
    /// Waits for an event whose data has a value in a field, without occupying anything.
    ///
    /// The run leaves the process and comes back with the event. The first event that matches ends the wait; each event
    /// ends all waits that it matches.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - type: The data of the event.
    ///   - field: The field to compare; found in the JSON by way of the type's coding keys.
    ///   - value: The value that the field must have, compared as JSON.
    ///   - timeout: How long to wait; more than zero, counted from the moment at which the function first comes here.
    ///   - since: From when on events count.
    /// - Returns: The event, or nil when none came in time.
    /// - Throws: `CancellationError` when the surrounding branch is cancelled. A wait that can never work, as for want of
    ///   a field, fails the run.
    public func waitForEvent<Data: EventData, Value: Encodable & Equatable>(
        _ id: String, _ type: Data.Type, where field: KeyPath<Data, Value>, equals value: Value, timeout: Duration,
        since: WaitStart = .now
    ) async throws -> Event<Data>? {
        try await wait(id, type.eventName, timeout: timeout, since: since) { try .field(field, equals: value) }
    }

    /// Waits for an event that has, at a path, the value that the run's own event has at the same path.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - type: The data of the event.
    ///   - path: The path in both events, such as `data.post_id` or `data["a-b"].items[0]`.
    ///   - timeout: How long to wait; more than zero.
    ///   - since: From when on events count.
    /// - Returns: The event, or nil when none came in time.
    public func waitForEvent<Data: EventData>(
        _ id: String, _ type: Data.Type, match path: String, timeout: Duration, since: WaitStart = .now
    ) async throws -> Event<Data>? {
        try await wait(id, type.eventName, timeout: timeout, since: since) { try .paths(path, nil) }
    }

    /// Waits for an event that has, at a path, the value that the run's own event has at another.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - type: The data of the event.
    ///   - path: The path in the run's own event, such as `data.postID`.
    ///   - otherPath: The path in the event that is waited for.
    ///   - timeout: How long to wait; more than zero.
    ///   - since: From when on events count.
    /// - Returns: The event, or nil when none came in time.
    public func waitForEvent<Data: EventData>(
        _ id: String, _ type: Data.Type, match path: String, with otherPath: String, timeout: Duration,
        since: WaitStart = .now
    ) async throws -> Event<Data>? {
        try await wait(id, type.eventName, timeout: timeout, since: since) { try .paths(path, otherPath) }
    }

    /// Waits for an event for which an expression is true.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - type: The data of the event.
    ///   - expression: Over `event`, the run's own event, and `async`, the one that is waited for, as in
    ///     `async.data.postID == event.data.postID && async.data.approved`.
    ///   - timeout: How long to wait; more than zero.
    ///   - since: From when on events count.
    /// - Returns: The event, or nil when none came in time.
    public func waitForEvent<Data: EventData>(
        _ id: String, _ type: Data.Type, if expression: String, timeout: Duration, since: WaitStart = .now
    ) async throws -> Event<Data>? {
        try await wait(id, type.eventName, timeout: timeout, since: since) { try .expression(expression) }
    }

    /// Waits for any event of a type.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - type: The data of the event.
    ///   - timeout: How long to wait; more than zero.
    ///   - since: From when on events count.
    /// - Returns: The event, or nil when none came in time.
    public func waitForEvent<Data: EventData>(
        _ id: String, _ type: Data.Type, timeout: Duration, since: WaitStart = .now
    ) async throws -> Event<Data>? {
        try await wait(id, type.eventName, timeout: timeout, since: since) { .all }
    }

    /// Waits for an event of a name that has, at a path, the value that the run's own event has at the same path.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - event: The name, such as `blog/post.approved`, or a wildcard, such as `blog/*`.
    ///   - path: The path in both events.
    ///   - timeout: How long to wait; more than zero.
    ///   - since: From when on events count.
    /// - Returns: The event, or nil when none came in time.
    public func waitForEvent(
        _ id: String, _ event: String, match path: String, timeout: Duration, since: WaitStart = .now
    ) async throws -> RawEvent? {
        try await wait(id, event, timeout: timeout, since: since) { try .paths(path, nil) }
    }

    /// Waits for an event of a name that has, at a path, the value that the run's own event has at another.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - event: The name, or a wildcard.
    ///   - path: The path in the run's own event.
    ///   - otherPath: The path in the event that is waited for.
    ///   - timeout: How long to wait; more than zero.
    ///   - since: From when on events count.
    /// - Returns: The event, or nil when none came in time.
    public func waitForEvent(
        _ id: String, _ event: String, match path: String, with otherPath: String, timeout: Duration,
        since: WaitStart = .now
    ) async throws -> RawEvent? {
        try await wait(id, event, timeout: timeout, since: since) { try .paths(path, otherPath) }
    }

    /// Waits for an event of a name for which an expression is true.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - event: The name, or a wildcard.
    ///   - expression: Over `event`, the run's own event, and `async`, the one that is waited for.
    ///   - timeout: How long to wait; more than zero.
    ///   - since: From when on events count.
    /// - Returns: The event, or nil when none came in time.
    public func waitForEvent(
        _ id: String, _ event: String, if expression: String, timeout: Duration, since: WaitStart = .now
    ) async throws -> RawEvent? {
        try await wait(id, event, timeout: timeout, since: since) { try .expression(expression) }
    }

    /// Waits for any event of a name.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - event: The name, or a wildcard.
    ///   - timeout: How long to wait; more than zero.
    ///   - since: From when on events count.
    /// - Returns: The event, or nil when none came in time.
    public func waitForEvent(
        _ id: String, _ event: String, timeout: Duration, since: WaitStart = .now
    ) async throws -> RawEvent? {
        try await wait(id, event, timeout: timeout, since: since) { .all }
    }

    private func wait<Payload: Decodable & Sendable>(
        _ id: String, _ event: String, timeout: Duration, since: WaitStart, _ match: () throws -> Match
    ) async throws -> Event<Payload>? {
        let record = try await run.waitForArrival(id, .waitForEvent) { key, now in
            if let problem = EventName.patternProblem(event) {
                throw PermanentError(code: RunError.Code.misuse, problem)
            }
            let match = try match()
            return OpenStep(
                step: key, kind: .waitForEvent,
                wait: EventWait(
                    event: event, text: match.text, branches: match.branches, looksBack: since == .runStart),
                dueAt: try OpenStep.dueAt(after: timeout, now: now), startedAt: now)
        }
        return try run.output(EventEnvelope<Payload>?.self, of: record)?.event
    }
}

extension OpenStep {
    static func dueAt(after timeout: Duration, now: Date) throws -> Date {
        if timeout <= .zero {
            throw PermanentError(
                code: RunError.Code.misuse, "the timeout must be more than zero; it is \(timeout.seconds) s")
        }
        return now.addingTimeInterval(timeout.seconds).storable(instead: now)
    }
}

extension Match {
    fileprivate static func field<Data: EventData, Value: Encodable & Equatable>(
        _ field: KeyPath<Data, Value>, equals value: Value
    ) throws -> Match {
        let path = try FieldPathProbe.path(of: field)
        let json: JSON
        do {
            json = try JSONCoding.value(JSON.self, from: JSONCoding.text(value))
        } catch {
            throw PermanentError(
                code: RunError.Code.misuse,
                "the value of \(path.text) cannot be written as JSON: \(CodingFailure.text(error))")
        }
        return Match(path, equals: json)
    }

    fileprivate static func paths(_ path: String, _ otherPath: String?) throws -> Match {
        let path = try FieldPath(path)
        return Match(path, with: try otherPath.map { try FieldPath($0) } ?? path)
    }

    fileprivate static func expression(_ text: String) throws -> Match {
        try EventExpression(text, scope: .match).match()
    }
}
