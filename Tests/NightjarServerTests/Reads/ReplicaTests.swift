import AsyncHTTPClient
import Foundation
import LocalPostgres
import Logging
import NIOCore
import NIOHTTP1
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar
@testable import NightjarServer

/// A primary, its streaming standby, and a server that asks the standby for what changes nothing.
@Suite("Reads from a replica", .serialized, .timeLimit(.minutes(5)))
struct ReplicaTests {
    private struct World: Sendable {
        let database: PostgresConfiguration
        let standby: LocalPostgres
        let replica: PostgresConfiguration
        let url: String
        let log: LoggedLines

        func get(_ path: String) async throws -> (status: Int, body: JSON) {
            let answer = try await HTTPClient.shared.execute(HTTPClientRequest(url: url + path), timeout: .seconds(30))
            let text = String(buffer: try await answer.body.collect(upTo: 1 << 20))
            return (Int(answer.status.code), (try? JSONCoding.value(JSON.self, from: text)) ?? nil)
        }

        func send(_ id: String) async throws -> String {
            var request = HTTPClientRequest(url: url + "/e/key")
            request.method = .POST
            request.body = .bytes(ByteBuffer(string: #"{"name": "test/replica", "id": "\#(id)"}"#))
            let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            let text = String(buffer: try await answer.body.collect(upTo: 1 << 20))
            return try #require(JSONCoding.value(JSON.self, from: text)["ids"]?[0]?.string)
        }

        /// How many events the API tells, asked of whichever database it asks.
        func eventCount() async throws -> Int { try await get("/v1/events").body["data"]?.array?.count ?? -1 }

        /// The server knows only so much of a statement's text.
        static func isForEvents(_ question: String) -> Bool {
            question.prefix(300) == Statement.apiEvents.sql.prefix(300)
        }

        /// Asks the API until its question is the last one on some connection to this database: others come between.
        func expectAsked(_ database: PostgresConfiguration) async throws {
            try await eventually("the question comes to this database") {
                _ = try await eventCount()
                return try await Self.questions(database).contains(where: Self.isForEvents)
            }
        }

        /// What a server's connections last asked a database.
        static func questions(_ database: PostgresConfiguration) async throws -> [String] {
            try await script(database) { db in
                try db.query("SELECT query FROM pg_stat_activity WHERE application_name = 'nightjar serve'")
                    .map { try $0.decode(0) }
            }
        }

        static func script<T: Sendable>(
            _ database: PostgresConfiguration, _ body: @escaping @Sendable (PostgresConnection) throws -> T
        ) async throws -> T {
            let session = PostgresSession(database, logger: .silent)
            let result: Result<T, any Error>
            do { result = .success(try await session.run(body)) } catch { result = .failure(error) }
            await session.close()
            return try result.get()
        }
    }

    private static func with(
        lag: Duration = .seconds(600), _ body: @escaping @Sendable (World) async throws -> Void
    ) async throws {
        let (primary, database) = try await TestDatabase.onServerOfItsOwn()
        let standby = LocalPostgres(
            options: .init(settings: ["max_connections": "600"], primary: primary.configuration()), logger: .silent)
        try await standby.start()
        let replica = standby.configuration(database: database.name)
        let log = LoggedLines(from: .info)
        var configuration = ServerConfiguration()
        configuration.port = 0
        configuration.executes = false
        configuration.replica = replica
        configuration.replicaLag = lag
        let (ports, found) = AsyncStream<Int>.makeStream()
        let process = ServerProcess(
            database: database.configuration, configuration: configuration, logger: log.logger
        ) { _, port in found.yield(port) }
        let result: Result<Void, any Error>
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await process.run() }
                var iterator = ports.makeAsyncIterator()
                let port = await iterator.next() ?? 0
                defer { group.cancelAll() }
                try await body(
                    World(
                        database: database.configuration, standby: standby, replica: replica,
                        url: "http://127.0.0.1:\(port)", log: log))
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try? await standby.stop()
        try? await primary.stop()
        try result.get()
    }

    @Test("reads go to the standby; while it is stopped, to the primary, and it is said; then to the standby again")
    func fallsBack() async throws {
        try await Self.with { world in
            _ = try await world.send("first")
            try await eventually("the standby has it") { try await world.eventCount() == 1 }
            try await world.expectAsked(world.replica)
            let other = try await World.questions(world.database)
            #expect(!other.contains(where: World.isForEvents), "\(other)")

            try await world.standby.restart(mode: .fast)
            // Whether or not it is noticed that it was away.
            #expect(try await world.eventCount() == 1)

            try await world.standby.halt()
            #expect(try await world.eventCount() == 1)
            #expect(try await world.get("/v1/runs").status == 200)
            try await eventually("it is said") {
                world.log.lines.contains { $0.hasPrefix("the replica is not asked; the primary answers instead") }
            }
            #expect(try await world.eventCount() == 1)
            try await world.expectAsked(world.database)

            let before = world.log.lines.count { $0.hasPrefix("the replica is asked") }
            try await world.standby.start()
            try await eventually("it is asked again") {
                world.log.lines.count { $0.hasPrefix("the replica is asked") } > before
            }
            #expect(try await world.eventCount() == 1)
            try await world.expectAsked(world.replica)
        }
    }

    @Test("a standby that is too far behind is not asked until it has caught up")
    func lags() async throws {
        try await Self.with(lag: .seconds(1)) { world in
            _ = try await world.send("first")
            try await eventually("the standby has it") { try await world.eventCount() == 1 }
            _ = try await World.script(world.replica) { db in try db.query("SELECT pg_wal_replay_pause()").count }
            _ = try await world.send("second")
            try await eventually("the primary is asked") { try await world.eventCount() == 2 }
            #expect(world.log.lines.contains { $0.contains("s behind, and 1 s are allowed") }, "\(world.log.lines)")
            let before = world.log.lines.count { $0.hasPrefix("the replica is asked") }
            _ = try await World.script(world.replica) { db in try db.query("SELECT pg_wal_replay_resume()").count }
            try await eventually("it is asked again") {
                world.log.lines.count { $0.hasPrefix("the replica is asked") } > before
            }
        }
    }

    @Test("what was just written is found by its id, though the standby does not have it yet")
    func findsByID() async throws {
        try await Self.with { world in
            _ = try await world.send("first")
            try await eventually("the standby has it") { try await world.eventCount() == 1 }
            _ = try await World.script(world.replica) { db in try db.query("SELECT pg_wal_replay_pause()").count }
            let id = try await world.send("second")
            #expect(try await world.eventCount() == 1, "the list is the standby's")
            let found = try await world.get("/v1/events/\(id)")
            #expect(found.status == 200)
            #expect(try await world.get("/v1/events/\(id)/runs").status == 200)
        }
    }

    @Test("a primary is no replica, and nor is what has replayed nothing")
    func standing() {
        #expect(ReplicaStanding(isStandby: true, lag: 2).problem(maximumLag: .seconds(2)) == nil)
        #expect(ReplicaStanding(isStandby: true, lag: 3.5).problem(maximumLag: .seconds(2)) != nil)
        #expect(ReplicaStanding(isStandby: true, lag: nil).problem(maximumLag: .seconds(2)) != nil)
        #expect(ReplicaStanding(isStandby: false, lag: 0).problem(maximumLag: .seconds(2)) != nil)
    }

    @Test("the commands that list ask the standby, and the database where it is down")
    func commands() async throws {
        try await Self.with { world in
            let id = try await world.send("first")
            try await eventually("the standby has it") { try await world.eventCount() == 1 }
            func url(_ configuration: PostgresConfiguration) -> String {
                configuration.keywords.map { "\($0)='\($1)'" }.joined(separator: " ")
            }
            try await Programs.withDirectory { logs in
                func events(_ arguments: [String]) async throws -> String {
                    let program = try ChildProgram(
                        Programs.nightjar, ["events", "--json"] + arguments,
                        environment: ["NIGHTJAR_REPLICA_URL": url(world.replica)], in: logs, logs: logs)
                    #expect(try await program.end(within: .seconds(60)) == 0, "\(program.output)")
                    return program.output
                }
                // There is no such database: only the standby can have answered.
                let nowhere = "postgres://nobody@127.0.0.1:1/none"
                #expect(try await events(["--database", nowhere]).contains("test/replica"), "\(id)")
                try await world.standby.halt()
                let output = try await events(["--database", url(world.database)])
                #expect(output.contains("test/replica"))
                #expect(output.contains("the replica of NIGHTJAR_REPLICA_URL is not asked"))
            }
        }
    }
}
