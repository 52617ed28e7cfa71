internal import Foundation
internal import Logging
internal import Nightjar
internal import PostgresClient

/// Asks the database, over a connection of its own, and remembers the answer for some seconds, or 50 times as long as it
/// took: however many ask, they cost the database no more than a 50th of a core's time.
actor DatabaseCollector {
    private let session: PostgresSession
    private let byTenant: Bool
    private let maximumAge: Duration
    private let rest: Int
    private let logger: Logger

    private var known: [MetricFamily] = []
    /// Until when what is known will do.
    private var validUntil: ContinuousClock.Instant?
    private var reading: Task<[MetricFamily], Never>?
    private var failures: [DatabaseFigures: Int] = [:]
    private var complaint: String?

    /// - Parameters:
    ///   - maximumAge: For how long an answer is remembered at least.
    ///   - rest: For how many times as long as it took, up to a minute.
    init(
        database: PostgresConfiguration, byTenant: Bool, maximumAge: Duration = .seconds(5), rest: Int = 50,
        logger: Logger
    ) {
        var database = database
        database.applicationName = "nightjar metrics"
        // A figure is not worth any more of the database's time, nor of the scrape's.
        database.settings["statement_timeout"] = "1500ms"
        database.settings["lock_timeout"] = "100ms"
        database.settings["default_transaction_read_only"] = "on"
        session = PostgresSession(database.forEngine(name: "nightjar metrics"), logger: logger)
        self.byTenant = byTenant
        self.maximumAge = maximumAge
        self.rest = rest
        self.logger = logger
    }

    /// The figures, at most some seconds old.
    func families() async -> [MetricFamily] {
        if let reading { return await reading.value }
        if let validUntil, validUntil > .now { return known }
        let begun = ContinuousClock.now
        // A task of its own: whoever asked first may hang up, and others wait for the same answer.
        let task = Task { await read() }
        reading = task
        known = await task.value
        validUntil = .now + max(maximumAge, min((.now - begun) * rest, .seconds(60)))
        reading = nil
        return known
    }

    func close() async {
        reading?.cancel()
        await session.close()
    }

    private func read() async -> [MetricFamily] {
        let begun = ContinuousClock.now
        var families: [MetricFamily] = []
        var isUp = true
        var problem: String?
        for part in DatabaseFigures.allCases where isUp {
            do {
                families += try await session.run { [byTenant] db in try part.read(db, byTenant: byTenant) }
            } catch {
                failures[part, default: 0] += 1
                problem = "\(part.rawValue): \(error)"
                // The others would have to wait for it, too.
                isUp = (error as? PostgresError)?.sqlState != nil
            }
        }
        complain(problem)
        let seconds = (ContinuousClock.now - begun) / .seconds(1)
        return families + [
            MetricCatalog.up.family([(isUp ? 1 : 0, [])]),
            MetricCatalog.readDuration.family([(seconds, [])]),
            MetricCatalog.readFailures.family(
                DatabaseFigures.allCases.map { (Double(failures[$0] ?? 0), [$0.rawValue]) }),
        ]
    }

    /// Once, not at every scrape.
    private func complain(_ problem: String?) {
        if let problem, complaint == nil {
            logger.warning("metrics of the database are incomplete", metadata: ["error": "\(problem)"])
        }
        complaint = problem
    }
}
