import Testing

/// Waiting for what happens in other processes.
enum Waiting {
    struct TimedOut: Error, CustomStringConvertible {
        var description: String
    }

    /// Asks again until the answer is yes; throws when it has not been in time.
    /// - Parameter explanation: what else to tell then.
    static func until(
        _ what: String, within time: Duration = .seconds(30), else explanation: () -> String = { "" },
        _ isTrue: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + time
        while try await !isTrue() {
            guard ContinuousClock.now < deadline else {
                throw TimedOut(description: "not within \(time): \(what)\n\(explanation())")
            }
            // The one pause: between two questions, so that those who are waited for get the processor.
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
