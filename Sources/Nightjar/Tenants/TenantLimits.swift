internal import NightjarCore
internal import PostgresClient

/// What a tenant may have and do; nil: as much as it likes.
public struct TenantLimits: Sendable, Hashable {
    /// How many unfinished runs it may have, from 0. Approximate: counted at most once a second.
    public var liveRuns: Int?
    /// How many events it may send, on average, from 1; so many may come at once. Approximate: two senders in the same
    /// microseconds may be counted as one.
    public var eventsPerSecond: Int?
    /// How many bytes an event may have: its data and its user, as JSON text. Exact.
    public var eventBytes: Int?
    /// How many bytes the output of a step or a run may have, as JSON text. Exact; the run that has more fails.
    public var outputBytes: Int?
    /// How many of its runs may execute at once, from 1. Exact. The first such limit counts for runs that begin later; a change
    /// of it, for all that are bound by it.
    public var executing: Int?

    /// Creates limits.
    public init(
        liveRuns: Int? = nil, eventsPerSecond: Int? = nil, eventBytes: Int? = nil, outputBytes: Int? = nil,
        executing: Int? = nil
    ) {
        self.liveRuns = liveRuns
        self.eventsPerSecond = eventsPerSecond
        self.eventBytes = eventBytes
        self.outputBytes = outputBytes
        self.executing = executing
    }

    init(_ row: PostgresRow) throws {
        liveRuns = try row.decode("max_live_runs", as: Int32?.self).map(Int.init)
        eventsPerSecond = try row.decode("max_events_per_second", as: Int32?.self).map(Int.init)
        eventBytes = try row.decode("max_event_bytes", as: Int32?.self).map(Int.init)
        outputBytes = try row.decode("max_output_bytes", as: Int32?.self).map(Int.init)
        executing = try row.decode("max_executing", as: Int32?.self).map(Int.init)
    }

    /// What `nightjar.set_tenant` takes: what is other than before.
    func changes(from old: TenantLimits) -> [String: JSON] {
        let pairs: [(String, Int?, Int?)] = [
            ("max_live_runs", liveRuns, old.liveRuns),
            ("max_events_per_second", eventsPerSecond, old.eventsPerSecond),
            ("max_event_bytes", eventBytes, old.eventBytes),
            ("max_output_bytes", outputBytes, old.outputBytes),
            ("max_executing", executing, old.executing),
        ]
        return Dictionary(
            uniqueKeysWithValues: pairs.filter { $0.1 != $0.2 }.map { name, new, _ in
                (name, new.map { .integer(Int64($0)) } ?? .null)
            })
    }
}
