import PostgresClient
import Testing

/// `#expect(actual == expected)` without the macro.
///
/// The macro cannot take calls that change what they are called on. And with closures inside the macro, Swift 6.3
/// gave another closure of the same function the same symbol and executed the wrong one.
func expectEqual<T: Equatable>(_ actual: T, _ expected: T, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(actual == expected, sourceLocation: sourceLocation)
}

/// `#expect(try await eventually { … })` without a closure in the macro.
func expectEventually(
    sourceLocation: SourceLocation = #_sourceLocation, _ isTrue: () async throws -> Bool
) async throws {
    let became = try await eventually(isTrue)
    #expect(became, "it did not become true in time", sourceLocation: sourceLocation)
}

/// `#require` without a closure in the macro.
func required<T>(_ value: T?, sourceLocation: SourceLocation = #_sourceLocation) throws -> T {
    try #require(value, sourceLocation: sourceLocation)
}
