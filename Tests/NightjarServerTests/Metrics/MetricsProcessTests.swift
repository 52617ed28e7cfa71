import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar
@testable import NightjarMetrics

@Suite("Metrics of real processes", .serialized)
struct MetricsProcessTests {
    /// A worker and a server over one database, each with an endpoint.
    private static func with(
        server arguments: [String] = [],
        _ body: @Sendable (_ worker: String, _ server: String, _ api: String, TestDatabase) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            try await Programs.withDirectory { logs in
                let session = PostgresSession(database.configuration, logger: .silent)
                try await session.run { db in
                    try db.script(
                        "CREATE TABLE executed (run_id uuid, step text, process text); CREATE TABLE released (n int)")
                }
                await session.close()
                let keywords = database.configuration.keywords.map { "\($0)='\($1)'" }.joined(separator: " ")
                let worker = try ChildProgram(
                    Programs.testWorker, [keywords, "first", "120000", "2000", "metrics"], in: logs, logs: logs)
                let server = try ChildProgram(
                    Programs.nightjar, ["serve", "--port", "0", "--metrics", "0"] + arguments,
                    environment: ["NIGHTJAR_DATABASE_URL": keywords], in: logs, logs: logs)
                try await worker.waitForOutput("metrics at port")
                try await server.waitForOutput("Metrics are at")
                try await server.waitForOutput("Nightjar listens at")
                let port = try #require(worker.output.firstMatch(of: #/metrics at port (\d+)\./#)).1
                let metrics = try #require(server.output.firstMatch(of: #/Metrics are at (\S+)\.\n/#)).1
                let api = try #require(server.output.firstMatch(of: #/Nightjar listens at (\S+) /#)).1
                try await body("http://127.0.0.1:\(port)/metrics", String(metrics), String(api), database)
                for program in [worker, server] { program.signal(SIGTERM) }
                for program in [worker, server] {
                    let status = try await program.end(within: .seconds(60))
                    #expect(status == 0, "\(program.output)")
                }
            }
        }
    }

    private static func send(_ name: String, _ number: Int, _ client: Client) async throws -> String {
        try await client.send([NewEvent(name: name, data: ["number": .integer(Int64(number))])])[0]
    }

    @Test("all that the catalogue names is exposed, and nothing else; what happened is counted; promtool likes it")
    func complete() async throws {
        try await Self.with { worker, server, api, database in
            let client = Client(database: database.configuration, logger: .silent)
            try await eventually("the worker is registered") {
                try await ExposedText.get(worker).value("nightjar_workers", ["app": "test"]) == 1
            }
            // One run that is cancelled while it executes, and one that completes.
            let first = try await Self.send("test/work", 1, client)
            try await eventually("its step executes") {
                try await ExposedText.get(worker).value("nightjar_steps_executing", ["app": "test"]) == 1
            }
            _ = try await Self.send("test/stop", 1, client)
            let run = try #require(try await client.runs(startedBy: first).first?.id)
            _ = try await client.outcome(of: run)
            let session = PostgresSession(database.configuration, logger: .silent)
            try await session.run { db in try db.script("INSERT INTO released VALUES (1)") }
            let second = try await Self.send("test/work", 2, client)
            let other = try #require(try await client.runs(startedBy: second).first?.id)
            let outcome = try await client.outcome(of: other)
            #expect(outcome == .completed(output: "2"))
            await session.close()
            await client.close()
            try await eventually("nothing executes, and the cancel was heard of") {
                let text = try await ExposedText.get(worker)
                return text.value("nightjar_runs_executing", ["app": "test"]) == 0
                    && text.value("nightjar_cancel_latency_seconds_count", ["app": "test"]) == 1
                    && text.total("nightjar_runs_ended_total", ["outcome": "completed"]) >= 2
            }
            let requested = try await HTTPClient.shared.execute(
                HTTPClientRequest(url: "\(api)/health"), timeout: .seconds(30))
            #expect(requested.status.code == 200)

            let text = try await ExposedText.get(worker)
            #expect(text.value("nightjar_listening", ["listener": "test"]) == 1)
            #expect(text.value("nightjar_steps_executing", ["app": "test"]) == 0)
            #expect(
                text.value(
                    "nightjar_runs_ended_total",
                    ["app": "test", "function": "work", "tenant": "1", "outcome": "completed"]) == 1)
            #expect(text.value("nightjar_runs_claimed_total", ["app": "test", "tenant": "1"]) ?? 0 >= 2)
            #expect(text.value("nightjar_start_wait_seconds_count", ["app": "test"]) ?? 0 >= 2)
            #expect(text.value("nightjar_database_up") == 1)
            #expect(text.value("nightjar_pool_size", ["pool": "test"]) == 4)
            let all = [text, try await ExposedText.get(server)]
            Self.expectComplete(all)
            for text in all where PromTool.isThere {
                let checked = try PromTool.run(["check", "metrics"], input: text.text)
                #expect(checked.status == 0 && checked.output.isEmpty, "\(checked.output)")
            }
        }
    }

    private static func expectComplete(_ texts: [ExposedText]) {
        let catalog = Dictionary(uniqueKeysWithValues: MetricCatalog.all.map { ($0.name, $0) })
        var exposed: Set<String> = []
        for text in texts {
            for (name, kind) in text.kinds {
                #expect(catalog[name]?.kind == kind, "\(name) is not in the catalogue, or of another kind")
                #expect(text.helps[name] == catalog[name]?.help, "\(name)")
            }
            for series in text.values.keys {
                let family = text.family(of: series)
                exposed.insert(family)
                let known = Set(catalog[family]?.labels ?? []).union(["le"])
                #expect(known.isSuperset(of: series.labels.keys), "\(series)")
            }
        }
        // Nothing has gone wrong in these processes, and nobody holds a snapshot for long.
        let lazy: Set = ["hb_request_errors_total", "nightjar_replica_in_use"]
        #expect(Set(catalog.keys).subtracting(exposed).subtracting(lazy) == [])
    }

    @Test("the event API's port has no metrics; tenants and the database are left out when that is asked for")
    func settings() async throws {
        try await Self.with(server: ["--metrics-tenants", "off", "--metrics-database", "off"]) {
            worker, server, api, database in
            let response = try await HTTPClient.shared.execute(
                HTTPClientRequest(url: "\(api)/metrics"), timeout: .seconds(30))
            #expect(response.status.code == 404)
            let text = try await ExposedText.get(server)
            #expect(text.value("nightjar_pool_size", ["pool": "serve"]) == 8)
            #expect(
                !text.values.keys.contains { $0.labels["tenant"] != nil || $0.name.hasPrefix("nightjar_database_up") })
            let other = try await ExposedText.get(worker)
            #expect(other.value("nightjar_database_up") == 1)
        }
    }
}
