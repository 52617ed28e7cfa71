import Foundation

/// The Python with the SDK and what else the tests need from PyPI, made by `scripts/python-environment`.
actor PythonEnvironment {
    struct Missing: Error, CustomStringConvertible {
        var description: String
    }

    private static let shared = PythonEnvironment()
    private var making: Task<URL, any Error>?

    /// The interpreter. The first who asks may wait half a minute for PyPI.
    static func python() async throws -> URL {
        try await shared.value()
    }

    /// Whether tests that need it can be run: on a machine without Python or PyPI they are left out, and in CI they fail.
    static func isThere() async -> Bool {
        if ProcessInfo.processInfo.environment["CI"] != nil { return true }
        do {
            _ = try await python()
            return true
        } catch {
            FileHandle.standardError.write(Data("tests of the Python SDK are left out: \(error)\n".utf8))
            return false
        }
    }

    private func value() async throws -> URL {
        if let making { return try await making.value }
        let task = Task { try await Self.make() }
        making = task
        return try await task.value
    }

    private static func make() async throws -> URL {
        try await Programs.withDirectory { directory in
            let script = try ChildProgram(
                Programs.root.appending(path: "scripts/python-environment"), [], in: Programs.root, logs: directory)
            let status = try await script.end(within: .seconds(300))
            let output = script.output.trimmingCharacters(in: .whitespacesAndNewlines)
            guard status == 0 else { throw Missing(description: output) }
            return URL(filePath: output)
        }
    }
}
