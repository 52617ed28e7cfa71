import Testing

/// Asks again until the answer is yes; fails the test when it has not been within the time.
func eventually(
    _ what: Comment, within time: Duration = .seconds(30), _ isTrue: () async throws -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let deadline = ContinuousClock.now + time
    while try await !isTrue() {
        guard ContinuousClock.now < deadline else {
            Issue.record("not within \(time): \(what)", sourceLocation: sourceLocation)
            return
        }
        // The one pause of the tests: between two questions, so that those who are waited for get the processor.
        try await Task.sleep(for: .milliseconds(5))
    }
}
