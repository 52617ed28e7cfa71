import Foundation
import NightjarCore
import Testing

extension PythonTests {
    /// The pattern that the project began with, through the Python SDK.
    @Suite("Scheduled posts in Python")
    struct PostsTests {
        /// The reference server, asked the same way, published 994 of 1,000.
        @Test("1,000 posts that are scheduled, acknowledged and cancelled: none is published, and others are")
        func thousandPosts() async throws {
            try await ServerGroup.with { group in
                let posts = try group.startPython(["programs/posts.py", "--count", "1000", "--controls", "50"])
                let status = try await posts.end(within: .seconds(240))
                #expect(status == 0, "\(posts.output)\n\(group.output)")
                let result = try JSONDecoder().decode(
                    JSON.self, from: Data((posts.output.split(separator: "\n").last ?? "").utf8))
                #expect(result["cancelled"] == ["Cancelled": 1000])
                #expect(result["published_of_cancelled"] == 0)
                #expect(result["kept"] == ["Completed": 50])
                #expect(result["published_of_kept"] == 50)
                #expect(result["cancelled_too_late"] == 0, "or the test has asked for what nobody can do")
                #expect(try await group.rows("SELECT i::text FROM nightjar.invariants i").isEmpty)
            }
        }

        @Test("the example keeps its promises")
        func example() async throws {
            let python = try await PythonEnvironment.python()
            try await Programs.withDirectory { logs in
                let demo = try ChildProgram(
                    python,
                    [
                        Programs.root.appending(path: "Examples/python/demo.py").path(), "--nightjar",
                        Programs.nightjar.path(),
                    ],
                    environment: ["PYTHONDONTWRITEBYTECODE": "1"], in: logs, logs: logs)
                let status = try await demo.end(within: .seconds(120))
                #expect(status == 0, "\(demo.output)")
                #expect(demo.output.contains("Everything is as promised."))
            }
        }

        @Test("the benchmark measures everything")
        func benchmark() async throws {
            try await ServerGroup.with { group in
                let bench = try group.startPython([
                    "-m", "bench", group.url, "--json", "--seconds", "0.3", "--runs", "100", "--cancels", "5",
                ])
                let status = try await bench.end(within: .seconds(120))
                #expect(status == 0, "\(bench.output)\n\(group.output)")
                let measured = try JSONDecoder().decode([String: [String: Double]].self, from: Data(bench.output.utf8))
                #expect(measured.count == 8)
                #expect(measured.values.allSatisfy { $0.values.allSatisfy { $0 > 0 } })
            }
        }
    }
}
