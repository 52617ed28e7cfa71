import Foundation
import TestSupport
import Testing

@testable import NightjarServer

extension PythonTests {
    /// SIGKILL of the server and of workers while an app in Python is under load.
    @Suite("Killed servers")
    struct KilledServerTests {
        /// A body of a step that the app has executed.
        private struct Execution {
            var run: String
            var step: String
            /// Made by the execution, and what it returned.
            var token: String
        }

        @Test("no accepted event is lost, and no recorded step is repeated")
        func kills() async throws {
            try await ServerGroup.with { group in
                let (accepted, journal) = (group.file("accepted"), group.file("journal"))
                let load = try group.startPython([
                    "programs/load.py", "--seconds", "12", "--accepted", accepted.path(), "--journal", journal.path(),
                ])
                try await load.waitForOutput("ready")
                var kills = 0
                while !load.output.contains("sent "), load.status == nil {
                    // Some work between two deaths; each time another one dies.
                    let done = try await group.rows("SELECT FROM nightjar.steps").count
                    try await Waiting.until("something is recorded", within: .seconds(60), else: { group.output }) {
                        if load.output.contains("sent ") || load.status != nil { return true }
                        return try await group.rows("SELECT FROM nightjar.steps").count >= done + 10
                    }
                    switch kills % 3 {
                    case 0:
                        group.server?.signal(SIGKILL)
                        try await group.server?.end(within: .seconds(10))
                        try await group.startServer()
                    case let worker:
                        group.worker(worker - 1)?.signal(SIGKILL)
                        try await group.worker(worker - 1)?.end(within: .seconds(10))
                        try group.startWorker(worker - 1)
                    }
                    kills += 1
                }
                #expect(kills >= 6, "they died often enough to tell something")
                try await Waiting.until("all runs end", within: .seconds(90), else: { group.output }) {
                    try await group.rows("SELECT FROM nightjar.live").isEmpty
                }
                try load.endInput()
                #expect(try await load.end(within: .seconds(20)) == 0, "\(load.output)")

                let ids = try lines(accepted)
                #expect(ids.count > 50)
                try await expectEachCompleted(ids, group)
                try await expectNoneRepeated(executions(journal), group)
                #expect(try await group.rows("SELECT i::text FROM nightjar.invariants i").isEmpty)
            }
        }

        /// Every event that the sender was told was accepted has started one run, which has completed.
        private func expectEachCompleted(_ ids: [String], _ group: ServerGroup) async throws {
            let runs = try await group.rows(
                """
                SELECT e.event_id::text, count(r.run_id)::text, count(*) FILTER (WHERE o.status = 1)::text
                FROM nightjar.events e
                LEFT JOIN nightjar.runs r USING (event_id) LEFT JOIN nightjar.outcomes o USING (run_id)
                WHERE e.name = 'load/three-steps' GROUP BY 1
                """)
            let counts = Dictionary(uniqueKeysWithValues: runs.map { ($0[0] ?? "", [$0[1], $0[2]]) })
            for id in ids {
                let event = uuid(id)
                #expect(counts[event] == ["1", "1"], "event \(id): runs and completed ones")
            }
            // What was not acknowledged may have been stored, and then it has had its effect too.
            #expect(counts.values.allSatisfy { $0 == ["1", "1"] })
        }

        /// What is recorded of a step is what its last execution returned: after it was recorded, it was not executed again.
        private func expectNoneRepeated(_ executions: [Execution], _ group: ServerGroup) async throws {
            let steps = try await group.rows(
                "SELECT run_id::text, coalesce(name, step), output::text FROM nightjar.steps")
            var last: [String: Execution] = [:]
            for execution in executions { last["\(uuid(execution.run)) \(execution.step)"] = execution }
            #expect(steps.count == last.count, "what was executed has been recorded")
            for step in steps {
                let key = "\(step[0] ?? "") \(step[1] ?? "")"
                let execution = try #require(last[key], "recorded, but never executed: \(key)")
                let output = step[2] ?? ""
                #expect(output.contains(execution.token), "executed again after it was recorded: \(key)")
            }
        }

        private func lines(_ file: URL) throws -> [String] {
            try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
        }

        private func executions(_ journal: URL) throws -> [Execution] {
            try lines(journal).map { line in
                let parts = line.split(separator: " ").map(String.init)
                try #require(parts.count == 3)
                return Execution(run: parts[0], step: parts[1], token: parts[2])
            }
        }

        /// As the database writes it.
        private func uuid(_ ulid: String) -> String {
            ULID.id(ulid)?.uuidString.lowercased() ?? "no ULID: \(ulid)"
        }
    }
}
