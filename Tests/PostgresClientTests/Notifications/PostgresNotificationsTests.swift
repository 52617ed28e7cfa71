import Foundation
import LocalPostgres
import Logging
import PostgresClient
import Testing

extension PostgresNotifications.Element {
    fileprivate var summary: String {
        switch self {
        case .listening(let reconnected): reconnected ? "listening again" : "listening"
        case .notification(let channel, let payload, _): "\(channel): \(payload)"
        case .lost: "lost"
        }
    }
}

@Suite("Notifications")
struct PostgresNotificationsTests {
    @Test("what is sent arrives, in order and with the sender, whatever the channel is called")
    func arrival() async throws {
        let channels = ["plain", "Mixed Case \"quoted\" ü; drop"]
        let notifications = PostgresNotifications(
            try await TestServer.configuration(), channels: channels, logger: .silent)
        try await withSession { session in
            var iterator = notifications.makeAsyncIterator()
            #expect(await iterator.next()?.summary == "listening")
            let sender = try await session.run { db in
                for (number, channel) in (channels + channels).enumerated() {
                    try db.query("select pg_notify($1, $2)", [channel, "payload \(number) ü"])
                }
                try db.query("select pg_notify('another', 'x'), pg_notify('plain', '')")
                return db.backendPID
            }
            for (number, channel) in (channels + channels).enumerated() {
                guard case .notification(let from, let payload, let process)? = await iterator.next() else {
                    Issue.record("no notification")
                    return
                }
                #expect(from == channel)
                #expect(payload == "payload \(number) ü")
                #expect(process == sender)
            }
            #expect(await iterator.next()?.summary == "plain: ")
        }
    }

    @Test("after its connection was terminated the listener listens again")
    func reconnecting() async throws {
        var configuration = try await TestServer.configuration()
        configuration.applicationName = "listener \(UUID().uuidString)"
        let notifications = PostgresNotifications(configuration, channels: ["again"], logger: .silent)
        try await withSession { [name = configuration.applicationName] session in
            var iterator = notifications.makeAsyncIterator()
            #expect(await iterator.next()?.summary == "listening")
            for round in 0..<3 {
                let count = try await session.run { db in
                    try db.execute(
                        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1", [name])
                }
                #expect(count == 1)
                #expect(await iterator.next()?.summary == "lost")
                #expect(await iterator.next()?.summary == "listening again")
                try await session.run { db in
                    _ = try db.query("select pg_notify('again', $1)", ["round \(round)"])
                }
                #expect(await iterator.next()?.summary == "again: round \(round)")
            }
        }
    }

    @Test("a cancelled task ends its iteration, and the connection with it")
    func cancelling() async throws {
        var configuration = try await TestServer.configuration()
        let name = "listener \(UUID().uuidString)"
        configuration.applicationName = name
        let notifications = PostgresNotifications(configuration, channels: ["quiet"], logger: .silent)
        try await withSession { session in
            func connections() async throws -> Int {
                try await session.run { db in
                    try db.value("select count(*) from pg_stat_activity where application_name = $1", [name])
                }
            }
            let task = Task {
                var seen: [String] = []
                for await element in notifications { seen.append(element.summary) }
                return seen
            }
            try await expectEventually {
                try await session.run { db in
                    try db.value(
                        "select exists (select from pg_stat_activity where application_name = $1 and query like 'LISTEN%')",
                        [name])
                }
            }
            task.cancel()
            #expect(await task.value == ["listening"])
            try await expectEventually { try await connections() == 0 }
        }
    }

    @Test("leaving the loop closes the connection")
    func leaving() async throws {
        var configuration = try await TestServer.configuration()
        let name = "listener \(UUID().uuidString)"
        configuration.applicationName = name
        for await _ in PostgresNotifications(configuration, channels: ["quiet"], logger: .silent) { break }
        try await withSession { session in
            try await expectEventually {
                try await session.run { db in
                    try db.query("select from pg_stat_activity where application_name = $1", [name]).isEmpty
                }
            }
        }
    }

    @Test("a peer that does not answer any more is noticed by a ping")
    func deadPeer() async throws {
        let server = try await TestServer.running
        let proxy = try FreezableProxy(target: try #require(server.loopbackPort))
        defer { proxy.stop() }
        let notifications = PostgresNotifications(
            try await tcpConfiguration(port: proxy.port), channels: ["far"], pingInterval: .milliseconds(50),
            logger: .silent)
        var iterator = notifications.makeAsyncIterator()
        #expect(await iterator.next()?.summary == "listening")

        proxy.freeze()
        guard case .lost(let error)? = await iterator.next() else {
            Issue.record("the dead peer was not noticed")
            return
        }
        #expect(error.code == .connectionLost)
        #expect(error.message.contains("ping"))

        proxy.thaw()
        #expect(await iterator.next()?.summary == "listening again")
    }

    @Test("pings keep a quiet connection")
    func quiet() async throws {
        var configuration = try await TestServer.configuration()
        let name = "listener \(UUID().uuidString)"
        configuration.applicationName = name
        let notifications = PostgresNotifications(
            configuration, channels: ["kept"], pingInterval: .milliseconds(5), logger: .silent)
        try await withSession { session in
            var iterator = notifications.makeAsyncIterator()
            #expect(await iterator.next()?.summary == "listening")
            async let next = iterator.next()
            // The last query of the listener's session becomes the empty one of the ping, again and again.
            for _ in 0..<3 {
                let before = try await session.run { db in try db.value("select clock_timestamp()", as: Date.self) }
                try await expectEventually {
                    try await session.run { db in
                        try db.value(
                            """
                            select exists (select from pg_stat_activity where application_name = $1 and state_change > $2)
                            """, [name, before])
                    }
                }
            }
            try await session.run { db in _ = try db.query("select pg_notify('kept', 'x')") }
            #expect(await next?.summary == "kept: x")
        }
    }

    @Test("a server that is not there yet is reported once and found later")
    func lateServer() async throws {
        let server = LocalPostgres(options: .init(), logger: .silent)
        let notifications = PostgresNotifications(server.configuration(), channels: ["late"], logger: .silent)
        var iterator = notifications.makeAsyncIterator()
        #expect(await iterator.next()?.summary == "lost")
        try await server.start()
        #expect(await iterator.next()?.summary == "listening")
        try await server.stop()
        #expect(await iterator.next()?.summary == "lost")
    }
}
