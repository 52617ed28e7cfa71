import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

/// Many runs that wait, each for its own event.
struct FanInTests {
    @Test("2,000 runs wait, 2,000 events come: each resumes exactly its own run, once")
    func fanIn() async throws {
        let count = 2_000
        let log = Log()
        let function = Function("post", on: TestJob.self).run { event, step -> Bool in
            let approval = try await step.waitForEvent(
                "own", Approved.self, match: "data.key", timeout: .seconds(3_600))
            try await step.run("after") { log.add(event.data.key) }
            return approval?.id == "for \(event.data.key)"
        }
        let keys = (0..<count).map { "k\($0)" }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([function], in: database) { client in
                try await client.send(keys.map { try NewEvent(TestJob(key: $0)) })
                try await probe.await(count, "waiting", within: .seconds(60))
                // Half of them at once, the others one by one from several senders.
                try await client.send(keys[..<1_000].map { try Approved.event($0, id: "for \($0)") })
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for lane in 0..<4 {
                        group.addTask {
                            for key in keys[1_000...].enumerated().filter({ $0.offset % 4 == lane }).map(\.element) {
                                try await client.send([Approved.event(key, id: "for \(key)")])
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                try await probe.await(count, "completed", within: .seconds(60))
            }
            let right = try await probe.count("outcomes", where: "output = 'true'")
            #expect(right == Int64(count))
            #expect(log.lines.count == count)
            #expect(Set(log.lines) == Set(keys))
            let left = (
                try await probe.count("open_steps"), try await probe.count("waits"), try await probe.count("pending")
            )
            #expect(left == (0, 0, 0))
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }
}
