import Foundation
import LocalPostgres
import Logging
import PostgresClient
import TestSupport
import Testing

@Suite("Passwords and encryption")
struct SecurityTests {
    @Test("a password works by SCRAM over TCP")
    func scram() async throws {
        let session = PostgresSession(try await tcpConfiguration(), logger: .silent)
        let method = try await session.run { db in
            try db.value("select left(rolpassword, 13) from pg_authid where rolname = current_user", as: String.self)
        }
        #expect(method == "SCRAM-SHA-256")
        await session.close()
    }

    @Test("a wrong password is refused at once, and no error or log line shows it")
    func wrongPassword() async throws {
        var configuration = try await tcpConfiguration()
        configuration.keywords["password"] = "hunter2"
        let log = LoggedLines(from: .trace)
        let pool = PostgresPool(configuration, logger: log.logger)

        let error = await postgresError { try await pool.execute("select 1") }

        #expect(error?.code == .connectionFailed)
        #expect(error?.sqlState == SQLState(rawValue: "28P01"))
        #expect(error?.isRetryable == false)
        #expect(!String(describing: error).contains("hunter2"))
        #expect(!log.lines.contains { $0.contains("hunter2") })
        await pool.close()
    }

    @Test("a missing password is no reason to try again")
    func missingPassword() async throws {
        var configuration = try await tcpConfiguration()
        configuration.keywords["password"] = nil
        configuration.keywords["passfile"] = "/nonexistent"
        let pool = PostgresPool(configuration, logger: .silent)

        let error = await postgresError { try await pool.execute("select 1") }

        #expect(error?.code == .connectionFailed)
        #expect(error?.isRetryable == false)
        await pool.close()
    }

    @Test("no log line of a normal connection shows the password")
    func logging() async throws {
        let configuration = try await tcpConfiguration()
        let log = LoggedLines(from: .trace)
        let session = PostgresSession(configuration, logger: log.logger)
        try await session.connect()
        await session.close()

        #expect(log.lines.contains { $0.contains("connected") })
        #expect(!log.lines.contains { $0.contains("pass word") })
    }

    @Test("TLS with a certificate that is checked, and without one that is trusted")
    func encryption() async throws {
        try await withSession { session in
            try await session.run { db in
                // By the server itself, whose user must own the key.
                try db.script(
                    """
                    do $$ begin execute format(
                        'copy (select 1) to program %L',
                        'cd ' || current_setting('data_directory') || ' && umask 077 && openssl req -x509 -newkey rsa:2048 '
                        || '-nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 '
                        || '-keyout server.key -out server.crt >/dev/null 2>&1');
                    end $$
                    """)
                try db.script("alter system set ssl = on")
                try db.script("select pg_reload_conf()")
            }
        }
        let certificate = try await TestServer.running.dataDirectory.appending(path: "server.crt").path()
        var configuration = try await tcpConfiguration()
        configuration.keywords["sslmode"] = "verify-full"
        configuration.keywords["sslrootcert"] = certificate
        let verified = PostgresSession(configuration, logger: .silent)
        // The server reads its configuration some time after it was told to.
        try await expectEventually { (try? await verified.connect()) != nil }
        let isEncrypted = try await verified.run { $0.isEncrypted }
        #expect(isEncrypted)
        await verified.close()

        configuration.keywords["sslrootcert"] = "/etc/hostname"
        let untrusting = PostgresSession(configuration, logger: .silent)
        let error = await postgresError { try await untrusting.connect() }
        #expect(error?.code == .connectionFailed)
        await untrusting.close()
    }
}
