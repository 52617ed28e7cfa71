import Foundation
import Synchronization
import TestSupport
import Testing

/// A program that a test starts, as a process of its own. What it writes goes into a file, so that nobody has to read along.
final class ChildProgram: Sendable {
    private final class Ending: Sendable {
        let status = Mutex<Int32?>(nil)
    }

    let processID: Int32
    private let name: String
    private let log: URL
    private let input: FileHandle
    private let ending = Ending()

    /// Starts a program.
    /// - Parameters:
    ///   - environment: what is added to our own environment, from which everything has been taken that configures
    ///     Nightjar, PostgreSQL or Inngest's SDKs.
    ///   - directory: where it runs.
    ///   - logs: an existing directory for the file with what it writes.
    init(
        _ executable: URL, _ arguments: [String], environment: [String: String] = [:], in directory: URL, logs: URL
    ) throws {
        name = executable.lastPathComponent
        log = logs.appending(path: "\(name)-\(UUID().uuidString.prefix(8)).log")
        try Data().write(to: log)
        let output = try FileHandle(forWritingTo: log)
        let pipe = Pipe()
        input = pipe.fileHandleForWriting
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.currentDirectoryURL = directory
        process.environment = Self.environment.merging(environment) { _, new in new }
        process.standardInput = pipe.fileHandleForReading
        process.standardOutput = output
        process.standardError = output
        process.terminationHandler = { [ending] process in
            // As a shell has it: a signal counts 128 and its number.
            let base: Int32 = process.terminationReason == .exit ? 0 : 128
            ending.status.withLock { $0 = base + process.terminationStatus }
        }
        try Self.withoutBlockedSignals { try process.run() }
        processID = process.processIdentifier
        try output.close()
        try pipe.fileHandleForReading.close()
    }

    /// A test that fails before it has ended its program must not leave it behind.
    deinit {
        signal(SIGKILL)
    }

    /// Threads of Dispatch block all signals, a process inherits that from the thread that starts it, and so do those that
    /// it starts: most programs would not hear a SIGTERM.
    private static func withoutBlockedSignals(_ body: () throws -> Void) rethrows {
        var (none, before) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    private static var environment: [String: String] {
        ProcessInfo.processInfo.environment.filter { variable in
            !["PG", "NIGHTJAR_", "INNGEST_"].contains { variable.key.hasPrefix($0) }
                && !variable.key.contains("DATABASE_URL")
        }
    }

    /// What it has written so far, to standard output and to standard error.
    var output: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    /// Its exit status, once it has ended.
    var status: Int32? { ending.status.withLock { $0 } }

    /// Sends it a signal, unless it has ended.
    func signal(_ number: Int32) {
        ending.status.withLock { if $0 == nil { kill(processID, number) } }
    }

    /// Ends its standard input.
    func endInput() throws {
        try input.close()
    }

    /// Waits for its end and answers its exit status.
    @discardableResult
    func end(within time: Duration) async throws -> Int32 {
        try await Waiting.until("\(name) ends", within: time, else: { self.output }) { self.status != nil }
        return try #require(status)
    }

    /// Waits until it has written a text.
    func waitForOutput(_ text: String, within time: Duration = .seconds(60)) async throws {
        try await Waiting.until("\(name) writes '\(text)'", within: time, else: { self.output }) {
            self.output.contains(text) || self.status != nil
        }
        try #require(output.contains(text), "\(name) wrote \(output)")
    }
}
