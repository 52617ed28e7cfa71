import ArgumentParser
import Nightjar

/// A limit on the command line: a number, or "none".
struct TenantLimit: ExpressibleByArgument {
    /// Nil: none.
    var value: Int?

    init?(argument: String) {
        if argument == "none" { return }
        guard let number = Int32(argument), number >= 0 else { return nil }
        value = Int(number)
    }
}

/// For how long something of a tenant is kept, on the command line: `30d`, an interval of PostgreSQL's, `forever` or `default`.
struct TenantKeep: ExpressibleByArgument {
    /// Nil: as all others' is.
    var value: String?

    init?(argument: String) {
        guard !argument.isEmpty else { return nil }
        guard argument != "default" else { return }
        value = Interval.text(argument)
    }
}

/// The options by which limits of a tenant are given.
struct TenantLimitOptions: ParsableArguments {
    @Option(help: "How many unfinished runs it may have, about; counted at most once a second. Or none.")
    var maxLiveRuns: TenantLimit?

    @Option(help: "How many events it may send on average, about; so many may come at once. Or none.")
    var maxEventsPerSecond: TenantLimit?

    @Option(help: "How many bytes an event's data and user may have, as JSON. Or none.")
    var maxEventBytes: TenantLimit?

    @Option(help: "How many bytes the output of a step or run may have, as JSON. Or none.")
    var maxOutputBytes: TenantLimit?

    @Option(help: "How many of its runs may execute at once, from 1, exactly. Or none.")
    var maxExecuting: TenantLimit?

    @Option(help: "Its share of a queue beside other tenants', 0.01 to 100; 1 is what tenants have.")
    var weight: Double?

    @Option(help: "For how long its events are kept: 30d, '18 months', forever, or default, as all others' are.")
    var keepEvents: TenantKeep?

    @Option(help: "For how long its runs are kept after their end, in the same way.")
    var keepRuns: TenantKeep?

    /// Whether any is given.
    var isGiven: Bool {
        maxLiveRuns != nil || maxEventsPerSecond != nil || maxEventBytes != nil || maxOutputBytes != nil
            || keepEvents != nil || keepRuns != nil || weight != nil || maxExecuting != nil
    }

    /// Changes those that are given.
    func apply(to limits: inout TenantLimits) {
        if let maxLiveRuns { limits.liveRuns = maxLiveRuns.value }
        if let maxEventsPerSecond { limits.eventsPerSecond = maxEventsPerSecond.value }
        if let maxEventBytes { limits.eventBytes = maxEventBytes.value }
        if let maxOutputBytes { limits.outputBytes = maxOutputBytes.value }
        if let maxExecuting { limits.executing = maxExecuting.value }
        if let weight { limits.weight = weight }
        if let keepEvents { limits.keepEvents = keepEvents.value }
        if let keepRuns { limits.keepRuns = keepRuns.value }
    }
}

extension DatabaseOptions {
    /// Lends the tenants of the database.
    func withTenants<T: Sendable>(_ body: (Tenants) async throws -> T) async throws -> T {
        let tenants = Tenants(database: try database().named("tenant"), logger: .quiet)
        do {
            let result = try await body(tenants)
            await tenants.close()
            return result
        } catch {
            await tenants.close()
            throw error
        }
    }
}
