import Foundation

/// Prometheus's own program that checks rules and metrics; `scripts/install-dependencies promtool` gets it.
enum PromTool {
    struct Missing: Error {}

    static var url: URL? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let places =
            path.split(separator: ":").map { "\($0)/promtool" }
            + [Programs.root.appending(path: ".build/promtool/usr/bin/promtool").path(percentEncoded: false)]
        return places.first { FileManager.default.isExecutableFile(atPath: $0) }.map { URL(filePath: $0) }
    }

    /// Whether tests that need it can be run: elsewhere they are left out, and in CI they fail.
    static var isThere: Bool { url != nil || ProcessInfo.processInfo.environment["CI"] != nil }

    /// Runs it to its end; answers its status and all that it wrote.
    static func run(_ arguments: [String], input: String = "") throws -> (status: Int32, output: String) {
        guard let url else { throw Missing() }
        let files = FileManager.default.temporaryDirectory.appending(path: "promtool-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: files) }
        let (source, output) = (files.appending(path: "in"), files.appending(path: "out"))
        try Data(input.utf8).write(to: source)
        try Data().write(to: output)
        let process = Process()
        process.executableURL = url
        process.arguments = arguments
        process.standardInput = try FileHandle(forReadingFrom: source)
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = process.standardOutput
        try process.run()
        process.waitUntilExit()
        return (process.terminationStatus, try String(contentsOf: output, encoding: .utf8))
    }
}
