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

    /// Whether any is given.
    var isGiven: Bool {
        maxLiveRuns != nil || maxEventsPerSecond != nil || maxEventBytes != nil || maxOutputBytes != nil
            || maxExecuting != nil
    }

    /// Changes those that are given.
    func apply(to limits: inout TenantLimits) {
        if let maxLiveRuns { limits.liveRuns = maxLiveRuns.value }
        if let maxEventsPerSecond { limits.eventsPerSecond = maxEventsPerSecond.value }
        if let maxEventBytes { limits.eventBytes = maxEventBytes.value }
        if let maxOutputBytes { limits.outputBytes = maxOutputBytes.value }
        if let maxExecuting { limits.executing = maxExecuting.value }
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
