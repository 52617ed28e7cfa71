package import Testing

/// Asks again until the answer is yes; fails the test when it has not been within the time, and goes on.
package func eventually(
    _ what: String, within time: Duration = .seconds(30), _ isTrue: () async throws -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    do {
        try await Waiting.until(what, within: time, isTrue)
    } catch let error as Waiting.TimedOut {
        Issue.record(error, sourceLocation: sourceLocation)
    }
}
