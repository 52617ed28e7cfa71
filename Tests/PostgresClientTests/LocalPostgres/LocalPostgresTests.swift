import Foundation
import Logging
import PostgresClient
import Testing

@testable import LocalPostgres

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Calls `body` with a directory that is removed afterwards.
private func withDirectory(_ body: (URL) async throws -> Void) async throws {
    let directory = URL(filePath: "/tmp/kept-\(UUID().uuidString.prefix(8))", directoryHint: .isDirectory)
    defer { try? FileManager.default.removeItem(at: directory) }
    try await body(directory)
}

private func isAlive(_ processID: Int32?) -> Bool {
    guard let processID else { return false }
    return kill(processID, 0) == 0
}

private func localError(_ body: () async throws -> Void) async -> LocalPostgresError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? LocalPostgresError
    }
}

private func query(_ server: LocalPostgres, _ sql: String) async throws -> [Int] {
    let session = PostgresSession(server.configuration(), logger: .silent)
    let result = try await session.run { db in try db.query(sql).map { try $0.decode(0, as: Int.self) } }
    await session.close()
    return result
}

// Making a cluster takes all of a processor: one after the other, they leave the other tests their share.
@Suite("Local servers", .serialized)
struct LocalPostgresTests {
    @Test("a temporary server leaves nothing behind")
    func temporary() async throws {
        let server = try await LocalPostgres.throwAway(settings: ["work_mem": "1234kB"], logger: .silent)
        let directory = server.dataDirectory
        let process = try #require(server.processID)
        #expect(isAlive(process))
        let one = try await query(server, "select 1 from pg_settings where name = 'work_mem' and setting = '1234'")
        #expect(one == [1])

        try await server.stop()

        #expect(!isAlive(process))
        #expect(!FileManager.default.fileExists(atPath: directory.path()))
        #expect(server.processID == nil)
        try await server.stop()
    }

    @Test("a kept cluster is found again, even when the server was killed")
    func kept() async throws {
        try await withDirectory { directory in
            let server = LocalPostgres(options: .init(directory: directory, durable: true), logger: .silent)
            try await server.start()
            expectEqual(await localError { try await server.start() }?.code, .usage)
            _ = try await query(server, "create table kept as select 7 as x")
            try await server.stop()
            #expect(FileManager.default.fileExists(atPath: server.dataDirectory.path()))

            try await server.start()
            kill(try #require(server.processID), SIGKILL)
            try await server.restart(mode: .immediate)
            let kept = try await query(server, "select x from kept")
            #expect(kept == [7])
            try await server.stop()
        }
    }

    @Test("what was committed survives a crash of the server, also without fsync")
    func crash() async throws {
        let server = try await LocalPostgres.throwAway(logger: .silent)
        _ = try await query(server, "create table kept as select 7 as x")
        try await server.restart(mode: .immediate)
        let kept = try await query(server, "select x from kept")
        #expect(kept == [7])
        try await server.stop()
    }

    @Test("a directory whose server runs is refused, with the process to stop")
    func alreadyRunning() async throws {
        try await withDirectory { directory in
            let first = LocalPostgres(options: .init(directory: directory), logger: .silent)
            try await first.start()
            let second = LocalPostgres(options: .init(directory: directory), logger: .silent)

            let error = await localError { try await second.start() }

            #expect(error?.code == .alreadyRunning)
            #expect(error?.message.contains("kill -INT \(first.processID ?? 0)") == true)
            let one = try await query(first, "select 1")
            #expect(one == [1])
            try await first.stop()
        }
    }

    @Test("the lock file of a process that is something else now does not matter")
    func staleLockFile() async throws {
        try await withDirectory { directory in
            let server = LocalPostgres(options: .init(directory: directory), logger: .silent)
            try await server.start()
            try await server.stop()
            // Our own process is alive and no server.
            try "\(getpid())\n/x\n1\n5432\n/x\n\n1 1\nready\n".write(
                to: server.dataDirectory.appending(path: "postmaster.pid"), atomically: true, encoding: .utf8)
            #if os(Linux)
                try await server.start()
                try await server.stop()
            #endif
        }
    }

    @Test("a directory that holds something else is refused")
    func foreignDirectory() async throws {
        try await withDirectory { directory in
            let server = LocalPostgres(options: .init(directory: directory), logger: .silent)
            try await server.start()
            try await server.stop()
            try FileManager.default.removeItem(at: server.dataDirectory.appending(path: "PG_VERSION"))
            expectEqual(await localError { try await server.start() }?.code, .directoryUnusable)

            try "9.6\n".write(to: server.dataDirectory.appending(path: "PG_VERSION"), atomically: true, encoding: .utf8)
            let error = await localError { try await server.start() }
            #expect(error?.code == .directoryUnusable)
            #expect(error?.message.contains("9.6") == true)
        }
    }

    @Test("a data directory of somebody else is refused", .enabled(if: geteuid() == 0))
    func foreignOwner() async throws {
        try await withDirectory { directory in
            let server = LocalPostgres(options: .init(directory: directory), logger: .silent)
            try FileManager.default.createDirectory(at: server.dataDirectory, withIntermediateDirectories: true)
            let error = await localError { try await server.start() }
            #expect(error?.code == .directoryUnusable)
            #expect(error?.message.contains("chown") == true)
        }
    }

    @Test("a server that does not start says why")
    func failedStart() async throws {
        let server = LocalPostgres(options: .init(settings: ["shared_buffers": "nonsense"]), logger: .silent)
        let error = await localError { try await server.start() }
        #expect(error?.code == .startFailed)
        #expect(error?.message.contains("shared_buffers") == true)
        #expect(!FileManager.default.fileExists(atPath: server.dataDirectory.path()))
    }

    @Test("when we are gone the server ends and a temporary directory goes")
    func watchdog() async throws {
        for isTemporary in [true, false] {
            try await withDirectory { directory in
                let options = LocalPostgres.Options(directory: isTemporary ? nil : directory)
                let user = ServerUser.find()
                let layout = Layout(options, user: user)
                let starter = try ServerStarter(user: user, layout: layout, options: options)
                var started: (watchdog: Watchdog, processID: Int32)? = try await starter.start()
                let process = try #require(started?.processID)

                // The line closes as it does when a process is killed.
                started = nil

                try await expectEventually { !isAlive(process) }
                try await expectEventually {
                    // The shell's last act, after which it no longer touches a directory that is kept.
                    let ended = FileManager.default.fileExists(atPath: layout.log.path() + ".ended")
                    return isTemporary ? !FileManager.default.fileExists(atPath: layout.root.path()) : ended
                }
                expectEqual(FileManager.default.fileExists(atPath: layout.data.path), !isTemporary)
            }
        }
    }

    @Test("databases are made, copied and dropped, whatever they are called")
    func databases() async throws {
        let server = try await TestServer.running
        let name = "A \"strange\" name \(UUID().uuidString)"
        try await server.createDatabase(name)
        let original = PostgresSession(server.configuration(database: name), logger: .silent)
        try await original.run { try $0.script("create table copied as select 7 as x") }
        await original.close()
        try await server.createDatabase(name + "2", template: name)
        let copy = PostgresSession(server.configuration(database: name + "2"), logger: .silent)
        let values = try await copy.run { db in
            try db.query("select x from copied").map { try $0.decode(0, as: Int.self) }
        }
        #expect(values == [7])

        let duplicate = await postgresError { try await server.createDatabase(name) }
        #expect(duplicate?.sqlState == .duplicateDatabase)
        // The session is still connected.
        try await server.dropDatabase(name + "2")
        try await server.dropDatabase(name)
        try await server.dropDatabase(name)
        await copy.close()
    }

    @Test("a long path gets its socket elsewhere")
    func longPath() async throws {
        try await withDirectory { directory in
            let long = directory.appending(path: String(repeating: "long", count: 25))
            let server = LocalPostgres(options: .init(directory: long), logger: .silent)
            try await server.start()
            let one = try await query(server, "select 1")
            #expect(one == [1])
            let socket = try #require(server.configuration().keywords["host"])
            #expect(socket.utf8.count <= 100)
            try await server.stop()
            #expect(!FileManager.default.fileExists(atPath: socket))
            #expect(FileManager.default.fileExists(atPath: server.dataDirectory.path()))
        }
    }

    @Test("the installation knows its version")
    func installation() throws {
        let version = try PostgresInstallation.find().version()
        #expect(Int(version.prefix { $0.isNumber }) ?? 0 >= 12)
    }
}
