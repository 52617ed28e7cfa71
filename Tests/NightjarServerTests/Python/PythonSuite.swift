import Foundation
import TestSupport

/// Runs of the suite in Tests/python, each once for all the tests that ask for its files.
actor PythonSuite {
    /// Against a server without keys, as in development.
    static let withoutKeys = PythonSuite(keys: nil)
    /// Against a server with a signing key and an event key.
    static let withKeys = PythonSuite(keys: .init())

    private let keys: ServerGroup.Keys?
    private var running: Task<JUnitReport, any Error>?

    private init(keys: ServerGroup.Keys?) {
        self.keys = keys
    }

    /// The names of the suite's files, without their endings.
    static let files: [String] =
        ((try? FileManager.default.contentsOfDirectory(atPath: Programs.pythonTests.path())) ?? [])
        .filter { $0.hasPrefix("test_") && $0.hasSuffix(".py") }.map { String($0.dropLast(3)) }.sorted()

    func report() async throws -> JUnitReport {
        if let running { return try await running.value }
        let task = Task { [keys] in try await Self.run(keys: keys) }
        running = task
        return try await task.value
    }

    private static func run(keys: ServerGroup.Keys?) async throws -> JUnitReport {
        try await ServerGroup.with(keys: keys) { group in
            let report = group.file("report.xml")
            let pytest = try group.startPython([
                "-m", "pytest", "-n", "4", "--quiet", "--tb=short", "--junit-xml", report.path(),
            ])
            try await pytest.end(within: .seconds(240))
            do { return try JUnitReport(contentsOf: report) } catch {
                throw Waiting.TimedOut(description: "pytest left no report:\n\(pytest.output)\n\(group.output)")
            }
        }
    }
}
