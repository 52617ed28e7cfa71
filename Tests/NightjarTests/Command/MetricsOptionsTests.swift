import Foundation
import Testing

@Suite("Where metrics are exposed")
struct MetricsOptionsTests {
    @Test(
        "what is no place, and no switch, is refused with its name",
        arguments: [
            (["--metrics", "web"], [:], "--metrics is a port"),
            (["--metrics", "0.0.0.0:99999"], [:], "--metrics is a port"),
            (["--metrics", ":9464"], [:], "--metrics has no address"),
            ([], ["NIGHTJAR_METRICS": "9464/metrics"], "NIGHTJAR_METRICS is a port"),
            ([], ["NIGHTJAR_METRICS_TENANTS": "no"], "NIGHTJAR_METRICS_TENANTS is on or off, not 'no'"),
        ] as [([String], [String: String], String)])
    func refused(arguments: [String], environment: [String: String], message: String) async throws {
        let program = try RunningProgram(
            "nightjar", ["work", "--database", "postgres://nobody@127.0.0.1:1/none"] + arguments,
            environment: environment)
        let end = try await program.end()
        #expect(end.status == 64)
        #expect(end.error.contains(message), "\(end.error)")
    }

    @Test("a mistyped value in the file is refused, with the key")
    func file() async throws {
        try await withTemporaryDirectory { directory in
            try Data(#"{"metrics": "9464", "metrics_database": "maybe"}"#.utf8)
                .write(to: directory.appending(path: "nightjar.json"))
            let end = try await nightjar("serve", "--database", "postgres://nobody@127.0.0.1:1/none", in: directory)
            #expect(end.status == 64)
            #expect(end.error.contains(#""metrics_database" is on or off, not 'maybe'"#), "\(end.error)")
        }
    }

    @Test("a port that is in use ends the program, and it says whose")
    func inUse() async throws {
        try await withTemporaryDirectory { directory in
            let first = try RunningProgram(
                "nightjar", ["dev", "--port", "0", "--metrics", "0"], in: directory)
            try await first.waitForOutput("Metrics are at")
            try await first.waitForOutput("Ctrl-C")
            let url = try #require(first.output.firstMatch(of: #/127\.0\.0\.1:(\d+)\/metrics/#)).1
            let second = try await nightjar("serve", "--port", "0", "--metrics", String(url), in: directory)
            #expect(second.status == 1)
            #expect(second.error.contains("the metrics' port \(url) of 127.0.0.1 is in use"), "\(second.error)")
            first.signal(SIGTERM)
            #expect(try await first.end().status == 0)
        }
    }
}
