import Foundation
import Nightjar

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What was used from one moment to another: unlike time, it hardly depends on what else the machine does.
struct BenchCost: Sendable {
    /// Processor seconds of this process.
    var clientSeconds: Double?
    /// Processor seconds of the server, if it is ours.
    var serverSeconds: Double?
    /// Bytes of the server's log, which is written to disk before a commit is acknowledged.
    var logBytes: Double

    /// What was used so far.
    static func now(_ database: PostgresConfiguration, postmaster: Int32?) async throws -> BenchCost {
        let session = PostgresSession(database, logger: .quiet)
        let bytes: Double = try await session.run { db in
            try db.query("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8")[0].decode(0)
        }
        await session.close()
        return BenchCost(
            clientSeconds: ProcessUsage(of: getpid())?.processorSeconds,
            serverSeconds: postmaster.flatMap { ProcessUsage.processorSeconds(ofServer: $0) }, logBytes: bytes)
    }

    static func - (end: BenchCost, start: BenchCost) -> BenchCost {
        func difference(_ end: Double?, _ start: Double?) -> Double? {
            if let end, let start { end - start } else { nil }
        }
        return BenchCost(
            clientSeconds: difference(end.clientSeconds, start.clientSeconds),
            serverSeconds: difference(end.serverSeconds, start.serverSeconds), logBytes: end.logBytes - start.logBytes)
    }

    /// The medians of what one thing cost, as figures with the medians of what the reference did.
    static func figures(
        _ prefix: String, _ costs: [(BenchCost, count: Int)], references: [(BenchCost, count: Int)], client: String,
        per thing: String
    ) -> [BenchFigure] {
        func figure(_ name: String, _ factor: Double, _ value: (BenchCost) -> Double?) -> BenchFigure {
            func middle(_ costs: [(BenchCost, count: Int)]) -> Double? {
                median(costs.compactMap { cost, count in value(cost).map { $0 / Double(max(1, count)) * factor } })
            }
            return BenchFigure("\(prefix)\(name)", middle(costs), reference: middle(references))
        }
        return [
            figure("\(client)_cpu_ms_per_1000_\(thing)s", 1e6) { $0.clientSeconds },
            figure("server_cpu_ms_per_1000_\(thing)s", 1e6) { $0.serverSeconds },
            figure("wal_bytes_per_\(thing)", 1) { $0.logBytes },
        ]
    }
}
