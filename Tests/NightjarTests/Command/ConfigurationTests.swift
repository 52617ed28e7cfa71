import Foundation
import NightjarTesting
import PostgresClient
import Testing

@Suite("Which database a command uses", .serialized, .timeLimit(.minutes(3)))
struct ConfigurationTests {
    @Test("none at all: says how to name one")
    func none() async throws {
        try await withTemporaryDirectory { directory in
            let result = try await nightjar("runs", in: directory)
            #expect(result.status == 69)
            #expect(result.error.contains("NIGHTJAR_DATABASE_URL"))
        }
    }

    @Test("a server that does not answer: says so, with status 69")
    func unavailable() async throws {
        let result = try await nightjar("runs", "--database", "postgres://nobody@/none?host=/nowhere")
        #expect(result.status == 69)
        #expect(result.error.contains("cannot be reached"))
    }

    @Test("a connection string that cannot be read: status 64, and no password")
    func unreadable() async throws {
        let result = try await nightjar("runs", environment: ["DATABASE_URL": "postgres://me:secret%zz@host/db"])
        #expect(result.status == 64)
        #expect(result.error.contains("DATABASE_URL"))
        #expect(!result.error.contains("secret"))
    }

    @Test("a flag comes before the environment, that before the file")
    func order() async throws {
        try await TestDatabase.with { database in
            try await withTemporaryDirectory { directory in
                let nowhere = "postgres://nobody@/none?host=/nowhere"
                let file = directory.appending(path: "nightjar.json")

                try JSONEncoder().encode(["database": database.url]).write(to: file)
                #expect(try await nightjar("migrate", "status", in: directory).status == 0, "the file")
                #expect(
                    try await nightjar(
                        "migrate", "status", environment: ["NIGHTJAR_DATABASE_URL": nowhere], in: directory
                    )
                    .status == 69, "the environment before the file")
                #expect(
                    try await nightjar(
                        "migrate", "status",
                        environment: ["NIGHTJAR_DATABASE_URL": database.url, "DATABASE_URL": nowhere],
                        in: directory
                    ).status == 0, "Nightjar's own variable before the general one")
                #expect(
                    try await nightjar(
                        "migrate", "status", "--database", database.url,
                        environment: ["NIGHTJAR_DATABASE_URL": nowhere],
                        in: directory
                    ).status == 0, "the flag before all")
                let keywords = database.configuration.keywords
                let libpq = ["PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"]
                    .compactMapValues { keywords[$0] }
                #expect(try await nightjar("migrate", "status", environment: libpq).status == 0, "libpq's variables")

                try Data(#"{"databse": ""}"#.utf8).write(to: file)
                let mistyped = try await nightjar("migrate", "status", in: directory)
                #expect(mistyped.status == 64)
                #expect(mistyped.error.contains("databse"))
            }
        }
    }

    @Test("help names the ways, the exit statuses and an example", arguments: ["dev", "send", "runs", "run", "doctor"])
    func help(command: String) async throws {
        let all = try await nightjar("--help")
        #expect(all.status == 0)
        #expect(all.output.contains("EXIT STATUS") && all.output.contains("NIGHTJAR_DATABASE_URL"))
        let one = try await nightjar(command, "--help")
        #expect(one.status == 0)
        #expect(one.output.contains("EXAMPLES"))
    }
}
