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
    /// How many bytes the output of a step or a run may have, as JSON text. Exact; the run that has more fails. Errors that have
    /// more, and more than 1024, are shortened.
    public var outputBytes: Int?
    /// Its share of a queue beside other tenants', 0.01 to 100: with 3, three of its runs begin for one of a tenant with 1, as
    /// long as both have some.
    public var weight = 1.0
    /// For how long its events are kept: an interval as PostgreSQL writes it, such as `30 days`, or `forever`. Nil: as all others' are.
    public var keepEvents: String?
    /// For how long its runs are kept after their end, with their steps. Nil: as all others' are.
    public var keepRuns: String?
    /// How many of its runs may execute at once, from 1. Exact. The first such limit counts for runs that begin later; a change
    /// of it, for all that are bound by it.
    public var executing: Int?

    /// Creates limits.
    public init(
        liveRuns: Int? = nil, eventsPerSecond: Int? = nil, eventBytes: Int? = nil, outputBytes: Int? = nil,
        executing: Int? = nil, keepEvents: String? = nil, keepRuns: String? = nil, weight: Double = 1
    ) {
        self.weight = weight
        self.liveRuns = liveRuns
        self.eventsPerSecond = eventsPerSecond
        self.eventBytes = eventBytes
        self.outputBytes = outputBytes
        self.keepEvents = keepEvents
        self.keepRuns = keepRuns
        self.executing = executing
    }

    init(_ row: PostgresRow) throws {
        liveRuns = try row.decode("max_live_runs", as: Int32?.self).map(Int.init)
        eventsPerSecond = try row.decode("max_events_per_second", as: Int32?.self).map(Int.init)
        eventBytes = try row.decode("max_event_bytes", as: Int32?.self).map(Int.init)
        outputBytes = try row.decode("max_output_bytes", as: Int32?.self).map(Int.init)
        weight = try row.decode("weight")
        keepEvents = try row.decode("keep_events")
        keepRuns = try row.decode("keep_runs")
        executing = try row.decode("max_executing", as: Int32?.self).map(Int.init)
    }

    /// What `nightjar.set_tenant` takes: what is other than before.
    func changes(from old: TenantLimits) -> [String: JSON] {
        let number = { (value: Int?) -> JSON in value.map { .integer(Int64($0)) } ?? .null }
        let text = { (value: String?) -> JSON in value.map { .string($0) } ?? .null }
        let pairs: [(String, JSON, JSON)] = [
            ("max_live_runs", number(liveRuns), number(old.liveRuns)),
            ("max_events_per_second", number(eventsPerSecond), number(old.eventsPerSecond)),
            ("max_event_bytes", number(eventBytes), number(old.eventBytes)),
            ("max_output_bytes", number(outputBytes), number(old.outputBytes)),
            ("keep_events", text(keepEvents), text(old.keepEvents)),
            ("keep_runs", text(keepRuns), text(old.keepRuns)),
            ("max_executing", number(executing), number(old.executing)),
        ]
        var changes = Dictionary(uniqueKeysWithValues: pairs.filter { $0.1 != $0.2 }.map { ($0.0, $0.1) })
        if weight != old.weight { changes["weight"] = .number(weight) }
        return changes
    }
}
