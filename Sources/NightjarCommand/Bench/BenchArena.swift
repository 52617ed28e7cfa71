import Foundation
import LocalPostgres
import Logging
import Nightjar

/// A database made for one scenario, and what is worth knowing of the machine beneath it.
struct BenchArena: Sendable {
    let database: PostgresConfiguration
    let machine: [(name: String, value: JSON)]

    /// Makes the database, lends it, drops it.
    /// - Parameter settings: of the temporary server, besides the usual ones.
    static func with<T: Sendable>(
        _ options: BenchOptions, settings: [String: String] = [:], _ body: (BenchArena) async throws -> T
    ) async throws -> T {
        if let url = options.database {
            return try await with(server: try PostgresConfiguration(url: url), body)
        }
        let server = LocalPostgres(
            options: .init(
                durable: true,
                settings: ["max_wal_size": "4GB", "shared_buffers": "512MB"].merging(settings) { _, new in new }),
            logger: .quiet)
        try await server.start()
        do {
            let result = try await with(server: server.configuration(), body)
            try await server.stop()
            return result
        } catch {
            try? await server.stop(mode: .immediate)
            throw error
        }
    }

    private static func with<T: Sendable>(
        server: PostgresConfiguration, _ body: (BenchArena) async throws -> T
    ) async throws -> T {
        let name = "nightjar_bench_\(UUID().uuidString.prefix(8).lowercased())"
        let session = PostgresSession(server, logger: .quiet)
        try await session.run { db in try db.script("CREATE DATABASE \(name)") }
        var database = server
        database.keywords["dbname"] = name
        let result: Result<T, any Error>
        do {
            try await Migrator(database, logger: .quiet).migrate()
            result = .success(try await body(BenchArena(database: database, machine: try await describe(database))))
        } catch {
            result = .failure(error)
        }
        try? await session.run { db in try db.script("DROP DATABASE \(name) WITH (FORCE)") }
        await session.close()
        return try result.get()
    }

    /// Starts a worker, waits until it has registered, and stops it when `body` is done.
    func withWorker<T: Sendable>(
        _ functions: [FunctionDefinition], _ configuration: WorkerConfiguration = WorkerConfiguration(),
        _ body: @Sendable () async throws -> T
    ) async throws -> T {
        let worker = Worker(
            app: "bench", functions: functions, database: database, configuration: configuration, logger: .quiet)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            let session = PostgresSession(database, logger: .quiet)
            while try await session.run({ db in
                try db.query("SELECT NOT EXISTS (SELECT FROM nightjar.sessions WHERE NOT dead)")[0].decode(
                    0, as: Bool.self)
            }) { try await Task.sleep(for: .milliseconds(5)) }
            await session.close()
            let result = try await body()
            group.cancelAll()
            while await group.nextResult() != nil {}
            return result
        }
    }

    private static func describe(_ database: PostgresConfiguration) async throws -> [(name: String, value: JSON)] {
        let session = PostgresSession(database, logger: .quiet)
        let found: [(name: String, value: JSON)] = try await session.run { db in
            var found = try ["server_version", "fsync", "synchronous_commit", "shared_buffers"].map {
                ($0, JSON.string(try db.query("SELECT current_setting($1)", [$0])[0].decode(0, as: String.self)))
            }
            try db.script("CREATE TABLE public.commits (n int)")
            let start = ContinuousClock.now
            for n in 0..<200 { try db.execute("INSERT INTO public.commits VALUES ($1)", [n]) }
            found.append(("commit_ms", .number(rounded((ContinuousClock.now - start).milliseconds / 200))))
            return found
        }
        await session.close()
        let load = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8))?.split(separator: " ").first
        return [
            ("cores", .integer(Int64(ProcessInfo.processInfo.activeProcessorCount))),
            ("load", .string(load.map(String.init) ?? "unknown")),
        ] + found
    }

    /// Prints the figures, and the machine that they were measured on.
    func report(_ figures: [(name: String, value: JSON)], _ options: BenchOptions) throws {
        if options.json {
            try Output.json(.object(Dictionary(uniqueKeysWithValues: (figures + machine).map { ($0.name, $0.value) })))
            return
        }
        var table = Table(Table.Column("figure"), Table.Column("value", .right))
        for (name, value) in figures { table.rows.append(["\(name)", "\(value.plain)"]) }
        for (name, value) in machine { table.rows.append(["(\(name))", "\(value.plain)"]) }
        Output.lines(table.lines(style: Output.style))
    }
}

/// Two digits after the point.
func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

extension Duration {
    var milliseconds: Double { Double(components.seconds) * 1_000 + Double(components.attoseconds) * 1e-15 }
}

extension JSON {
    fileprivate var plain: String {
        switch self {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .bool(let truth): "\(truth)"
        case .null, .array, .object: ""
        }
    }
}

/// Sorted measurements and their percentiles.
struct Sample: Sendable {
    private let values: [Double]

    init(_ values: [Double]) { self.values = values.sorted() }

    func percentile(_ share: Double) -> JSON {
        values.isEmpty ? .null : .number(rounded(values[min(values.count - 1, Int(Double(values.count) * share))]))
    }
}
