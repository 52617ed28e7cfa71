/// Waiting for what happens elsewhere, in other tasks and in other processes.
package enum Waiting {
    package struct TimedOut: Error, CustomStringConvertible {
        package var description: String

        package init(description: String) { self.description = description }
    }

    /// Asks again until the answer is yes; throws when it has not been in time.
    /// - Parameter explanation: what else to tell then.
    package static func until(
        _ what: String, within time: Duration = .seconds(30), else explanation: () -> String = { "" },
        _ isTrue: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + time
        while try await !isTrue() {
            guard ContinuousClock.now < deadline else {
                throw TimedOut(description: "not within \(time): \(what)\n\(explanation())")
            }
            // The one pause of the tests: between two questions, so that those who are waited for get the processor.
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
