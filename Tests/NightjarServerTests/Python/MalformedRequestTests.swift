import Foundation
import Testing

extension PythonTests {
    /// What nobody should send, sent to a real server.
    @Suite("Malformed requests")
    struct MalformedRequestTests {
        @Test("10,000 of them: no 5xx, no crash, and the memory stays flat")
        func fuzz() async throws {
            try await ServerGroup.with { group in
                // Once before measuring: connections, caches and buffers have their size afterwards.
                try await send(2000, seed: 1, to: group)
                let before = try residentMegabytes(of: group)
                try await send(10_000, seed: 2, to: group)
                let after = try residentMegabytes(of: group)
                #expect(after - before < 48, "from \(before) to \(after) MiB")
            }
        }

        @Test("what the OpenAPI document allows and what it forbids is answered as it says")
        func schemathesis() async throws {
            try await ServerGroup.with { group in
                // One worker: Hypothesis parses the source of lambdas, and in CPython before 3.12.2 `ast.parse` in two threads
                // at a time now and then fails with "recursion depth mismatch" (python/cpython#106905).
                let schemathesis = try group.startPython([
                    "-m", "schemathesis.cli", "run", "\(group.url)/openapi.json",
                    "--checks",
                    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
                    "--phases", "examples,coverage,fuzzing", "--max-examples", "15", "--seed", "1", "--workers", "1",
                    "--generation-database", "none", "--no-shrink",
                ])
                let status = try await schemathesis.end(within: .seconds(120))
                #expect(status == 0, "\(schemathesis.output)")
                #expect(group.server?.status == nil, "the server lives: \(group.output)")
            }
        }

        private func send(_ count: Int, seed: Int, to group: ServerGroup) async throws {
            let fuzz = try group.startPython([
                "programs/malformed.py", group.url, "--count", "\(count)", "--seed", "\(seed)",
            ])
            let status = try await fuzz.end(within: .seconds(120))
            #expect(status == 0, "\(fuzz.output)\n\(group.output.suffix(5000))")
        }

        private func residentMegabytes(of group: ServerGroup) throws -> Int {
            let server = try #require(group.server)
            #if os(Linux)
                let status = try String(contentsOfFile: "/proc/\(server.processID)/status", encoding: .utf8)
                let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
                return try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
                    / 1024
            #else
                return 0
            #endif
        }
    }
}
