import Foundation
import Nightjar

/// This same program, started again as a worker.
final class WorkerProcess {
    let name: String
    private let process = Process()
    private let input = Pipe()

    init(_ name: String, database: PostgresConfiguration, start: Double) throws {
        self.name = name
        process.executableURL = Bundle.main.executableURL
        process.arguments = ["worker"]
        process.standardInput = input
        process.environment = ProcessInfo.processInfo.environment.merging([
            "NIGHTJAR_DATABASE_URL": Self.text(of: database), "BLOG_WORKER": name, "BLOG_START": "\(start)",
        ]) { _, new in new }
        try process.run()
    }

    var processID: Int32 { process.processIdentifier }

    /// Ends it as a power cut would: it cannot say goodbye.
    func killAtOnce() async {
        kill(processID, SIGKILL)
        await waitForEnd()
    }

    /// Asks it to end; it finishes what it does. Answers its exit status.
    @discardableResult
    func stop() async -> Int32 {
        process.terminate()
        await waitForEnd()
        return process.terminationStatus
    }

    private func waitForEnd() async {
        while process.isRunning { try? await Task.sleep(for: .milliseconds(20)) }
    }

    /// libpq's other form of a connection string, in which a socket's directory may have any name.
    private static func text(of database: PostgresConfiguration) -> String {
        database.keywords.map { keyword, value in
            let quoted = value.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
            return "\(keyword)='\(quoted)'"
        }.joined(separator: " ")
    }
}
