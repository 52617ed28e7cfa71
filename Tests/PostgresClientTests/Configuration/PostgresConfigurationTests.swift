import Foundation
import Testing

@testable import PostgresClient

@Suite("Configuration")
struct PostgresConfigurationTests {
    @Test("URLs and keyword strings are read by libpq's rules")
    func parsing() throws {
        let url = try PostgresConfiguration(url: "postgresql://anna:s%20ecret@db.example:6432/app?sslmode=require")
        #expect(
            url.keywords == [
                "user": "anna", "password": "s ecret", "host": "db.example", "port": "6432", "dbname": "app",
                "sslmode": "require",
            ])
        let words = try PostgresConfiguration(url: "host=/run/x dbname='a b' application_name=w")
        #expect(words.keywords == ["host": "/run/x", "dbname": "a b", "application_name": "w"])
        #expect(words.applicationName == "w")
    }

    @Test(
        "what is wrong is said without the password",
        arguments: [
            "postgresql://anna:hunter2@[::1/app", "postgresql://anna:hunter2@[::1]x/app", "password=hunter2 sslmod=x",
            "password=a hunter2=3", "password=a hunter2", "password='hunter2", "postgresql://a:hunter2%zz@h/d",
            "postgresql://a:hunter2@h/d?foo", "postgresql://a:hunter2@h/d?password=hunter2&x=hunter2",
        ])
    func errorsWithoutPassword(text: String) throws {
        let error = try required(postgresError { try PostgresConfiguration(url: text) })

        #expect(error.code == .configuration)
        #expect(!"\(error)".contains("hunter2"))
        #expect(error.message.hasPrefix("the connection string cannot be read: "))
    }

    @Test("an unknown keyword is named when no password is about")
    func unknownKeyword() throws {
        let error = try required(postgresError { try PostgresConfiguration(url: "host=a sslmod=x") })

        #expect(error.message.contains("sslmod"))
    }

    @Test("no form of printing shows a password")
    func printing() throws {
        var configuration = try PostgresConfiguration(url: "postgresql://anna:hunter2@h/app?sslpassword=hunter2")
        configuration.settings["app.token"] = "hunter2"
        var dumped = ""
        dump(configuration, to: &dumped)

        #expect(configuration.description == "dbname=app host=h user=anna")
        #expect(!String(reflecting: configuration).contains("hunter2"))
        #expect(!dumped.contains("hunter2"))
    }

    @Test("what the user says goes before the defaults")
    func precedence() throws {
        var configuration = try PostgresConfiguration(
            url: "postgresql://h/app?connect_timeout=3&client_encoding=LATIN1&options=-c%20lock_timeout%3D7s")
        configuration.settings = ["statement_timeout": "1 min", "lock_timeout": "2s", "DateStyle": "German"]
        let keywords = configuration.connectionKeywords()
        let options = try #require(keywords["options"])

        #expect(keywords["connect_timeout"] == "3")
        #expect(keywords["tcp_user_timeout"] == "15000")
        #expect(keywords["client_encoding"] == "UTF8")
        #expect(options.contains("-c statement_timeout=1\\ min "))
        #expect(options.contains("-c DateStyle=ISO "))
        #expect(options.hasSuffix(" -c lock_timeout=7s"))
        #expect(configuration.connectSeconds == 3)
    }

    @Test("the settings arrive at the server")
    func settingsArrive() async throws {
        let change = { (configuration: inout PostgresConfiguration) in
            configuration.settings = ["statement_timeout": "12345ms", "search_path": "a, \"b c\""]
            configuration.keywords["options"] = "-c lock_timeout=77ms"
            configuration.applicationName = "tester"
        }
        try await withSession(change) { session in
            try await session.run { db throws in
                #expect(try db.value("show statement_timeout") == "12345ms")
                #expect(try db.value("show lock_timeout") == "77ms")
                #expect(try db.value("show search_path") == "a, \"b c\"")
                #expect(try db.value("show application_name") == "tester")
                #expect(try db.value("show timezone") == "UTC")
                #expect(try db.value("show client_encoding") == "UTF8")
                #expect(try db.value("show idle_in_transaction_session_timeout") == "1min")
            }
        }
    }
}
