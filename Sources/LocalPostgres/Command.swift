import Foundation

/// A program that is run to its end, for a moment only.
struct Command: Sendable {
    var arguments: [String]

    init(_ arguments: [String]) {
        self.arguments = arguments
    }

    /// What the program prints to standard output, without white space around it; blocks the thread.
    ///
    /// - Throws: `LocalPostgresError` with what it printed to standard error, if it fails.
    func output() throws -> String {
        let run = try Run(self)
        defer { run.removeFiles() }
        try run.process.run()
        run.process.waitUntilExit()
        return try run.result(of: self)
    }

    /// Files instead of pipes take the output: nothing has to be read while the program runs.
    private struct Run {
        let process = Process()
        private let files: URL

        init(_ command: Command) throws {
            files = FileManager.default.temporaryDirectory.appending(path: "command-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)
            for file in ["out", "err"] { try Data().write(to: files.appending(path: file)) }
            process.executableURL = URL(filePath: command.arguments[0])
            process.arguments = Array(command.arguments.dropFirst())
            process.environment = Command.environment
            process.currentDirectoryURL = URL(filePath: "/")
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = try FileHandle(forWritingTo: files.appending(path: "out"))
            process.standardError = try FileHandle(forWritingTo: files.appending(path: "err"))
        }

        func result(of command: Command) throws -> String {
            guard process.terminationStatus == 0 else {
                throw LocalPostgresError(
                    .startFailed,
                    "\(command.arguments.joined(separator: " ")) failed with status \(process.terminationStatus): "
                        + text("err"))
            }
            return text("out")
        }

        func removeFiles() {
            try? FileManager.default.removeItem(at: files)
        }

        private func text(_ file: String) -> String {
            String(decoding: (try? Data(contentsOf: files.appending(path: file))) ?? Data(), as: UTF8.self)
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    /// Ours without the variables that would make a server or `initdb` look elsewhere.
    static var environment: [String: String] {
        ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PG") }
    }
}
