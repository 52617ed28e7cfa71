import Nightjar
import TestSupport

/// The event that starts the function `post` of ``Probe/registerPost(in:)`` and of these tests.
struct TestJob: EventData {
    static let eventName = "test/post"
    var key: String
}

/// A function of one step, in which the run of one key waits until the test lets it go.
struct HeldJob {
    let key: String
    let started = Signal()
    let release = Signal()
    /// The keys whose steps were executed.
    let log = Log()

    var function: FunctionDefinition {
        Function("post", on: TestJob.self).run { [key, started, release, log] event, step in
            try await step.run("work") {
                if event.data.key == key {
                    started.set()
                    try await release.wait()
                }
                log.add(event.data.key)
            }
        }
    }
}
