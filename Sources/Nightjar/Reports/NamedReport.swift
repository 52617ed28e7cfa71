package import Foundation

/// A question that people ask often enough for it to have a name.
package struct NamedReport: Sendable {
    /// What a report is asked with, in the order of its statement's parameters.
    package enum Parameter: Sendable {
        /// Minutes, hours or days, as ``since`` suggests.
        case grain
        case since, tenant, app, function, limit
    }

    package var name: String
    /// What it tells, in a line.
    package var summary: String
    package var parameters: [Parameter]
    /// How far back it looks when nobody says.
    package var span: TimeInterval
    /// Whether it tells what must not be.
    package var isAlarm = false
    let statement: Statement

    private init(
        _ name: String, _ summary: String, _ statement: Statement, _ parameters: [Parameter],
        span: TimeInterval = 86_400,
        isAlarm: Bool = false
    ) {
        self.name = name
        self.summary = summary
        self.statement = statement
        self.parameters = parameters
        self.span = span
        self.isAlarm = isAlarm
    }

    /// The report of a name, if there is one.
    package static func named(_ name: String) -> NamedReport? {
        all.first { $0.name == name }
    }
}

extension NamedReport {
    private static let filter: [Parameter] = [.tenant, .app, .function, .limit]

    /// In the order in which they are listed.
    package static let all: [NamedReport] = [
        .init(
            "throughput", "runs queued and ended a minute, an hour or a day", .listingThroughput,
            [.grain, .since] + filter),
        .init(
            "latency", "how long runs waited for a worker and took: p50, p95, p99 by function", .listingLatency,
            [.grain, .since] + filter),
        .init("lag", "what waits now, and since when, by function", .listingLag, filter),
        .init("stuck", "runs that got no further for an hour", .listingStuck, [.since] + filter, span: 3_600),
        .init("slow-runs", "the runs that took longest", .listingSlowRuns, [.since] + filter, span: 3_600),
        .init(
            "slow-steps", "the slowest steps, by their p95", .listingSlowSteps, [.grain, .since] + filter, span: 604_800
        ),
        .init("failures", "runs that failed, by error", .listingFailures, [.since] + filter),
        .init(
            "retries", "attempts that failed and were made again, by step and error", .listingRetries, [.since] + filter
        ),
        .init("cancelled", "what cancelled runs, what it hit, how late", .listingCancelled, [.since] + filter),
        .init(
            "close-calls", "runs cancelled within a second of the end of their sleep", .listingCloseCalls,
            [.since] + filter),
        .init("listeners", "which events unfinished runs listen for", .listingListeners, filter),
        .init(
            "unheard", "events that start, cancel and answer nothing", .listingUnheard, [.since, .tenant, .limit],
            span: 604_800),
        .init("functions", "every function, as it is configured now", .listingFunctions, filter),
        .init(
            "silent-functions", "functions for which no run was queued", .listingSilentFunctions, [.since] + filter,
            span: 2_592_000),
        .init("tenants", "what each tenant used", .listingTenants, [.grain, .since, .tenant, .limit], span: 2_592_000),
        .init("quotas", "how much of its limits each tenant uses", .listingQuotas, [.tenant, .limit]),
        .init("workers", "the workers, and what each holds", .listingWorkers, [.app, .limit]),
        .init(
            "invariants", "what must not be: empty, or something is broken", .listingInvariants, [.since, .limit],
            span: 300,
            isAlarm: true),
    ]
}
