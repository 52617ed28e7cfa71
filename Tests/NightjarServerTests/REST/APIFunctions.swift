import Foundation
import Nightjar
import Synchronization
import TestSupport

/// The native functions that the tests of the API start runs of.
enum APIFunctions {
    struct Boom: Error, CustomStringConvertible { let description = "it went wrong" }

    static let all: [FunctionDefinition] = [
        // Ends at once, with a step.
        Function("echo", on: .name("api/echo")).run { event, step in
            let key = try await step.run("look") { event.data["key"] ?? nil }
            return ["key": key] as JSON
        },
        // Fails in its second step, after one that had to be tried twice.
        Function("fail", on: .name("api/fail")).run { event, step in
            _ = try await step.run(
                "flaky", retries: RetryPolicy(maxRetries: 1, backoff: .constant(.milliseconds(1)))
            ) { () throws -> Int in
                guard Attempts.isSecond(of: event.id) else { throw Boom() }
                return 1
            }
            try await step.run("boom", retries: .never) { throw Boom() }
        },
        // Sleeps until somebody cancels it.
        Function("nap", on: .name("api/nap")).cancelOn("api/nap.cancelled", match: "data.key").run { _, step in
            _ = try await step.run("before") { "slept" }
            try await step.sleep("nap", for: .seconds(3_600))
        },
        // Executes until somebody cancels it.
        Function("busy", on: .name("api/busy")).run { _, step in
            try await step.run("work") { await Signal().untilCancelled() }
        },
        // Waits for an event.
        Function("wait", on: .name("api/wait")).run { _, step in
            let answer = try await step.waitForEvent(
                "answer", "api/answer", match: "data.key", timeout: .seconds(3_600))
            return answer?.data["text"] ?? nil
        },
    ]
}

/// Which events' steps were tried before.
private enum Attempts {
    private static let seen = Mutex<Set<String>>([])

    static func isSecond(of id: String) -> Bool { seen.withLock { !$0.insert(id).inserted } }
}
