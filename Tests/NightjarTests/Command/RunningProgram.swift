import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import Synchronization
import TestSupport
import Testing

/// One of the package's own programs, as a real process.
final class RunningProgram: Sendable {
    /// What is known once it has ended.
    struct Result: Sendable {
        var status: Int32
        var output: String
        var error: String

        /// The output as JSON, a document a line.
        func json() throws -> [JSON] {
            try output.split(separator: "\n").map { try JSONDecoder().decode(JSON.self, from: Data($0.utf8)) }
        }
    }

    /// What the process has written and how it ended, filled in by its threads.
    private final class Transcript: Sendable {
        struct State {
            var output = Data()
            var error = Data()
            var status: Int32?
            var open = 2
        }
        let state = Mutex(State())
    }

    private let transcript = Transcript()
    private let processID: Int32
    /// Kept open where the program is to have an open standard input.
    private let input: FileHandle

    /// Starts a program.
    /// - Parameters:
    ///   - input: written to its standard input, which is then closed; nil leaves it open.
    ///   - terminal: whether its standard input is a terminal; then `input` is what somebody types.
    ///   - directory: where it runs; nothing there names a database by itself.
    init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], input text: String? = "",
        terminal: Bool = false, in directory: URL = FileManager.default.temporaryDirectory
    ) throws {
        let process = Process()
        process.executableURL = Self.products.appending(path: program)
        process.arguments = arguments
        process.currentDirectoryURL = directory
        // None of the variables that name a database; and times that do not depend on where the test runs.
        process.environment = ProcessInfo.processInfo.environment
            .filter { !$0.key.hasPrefix("PG") && !$0.key.contains("DATABASE_URL") }
            .merging(["TZ": "UTC"]) { _, new in new }
            .merging(environment) { _, new in new }
        let (output, error) = (Pipe(), Pipe())
        let (input, other) = terminal ? try Self.openTerminal() : Self.openPipe()
        process.standardInput = other
        process.standardOutput = output
        process.standardError = error
        process.terminationHandler = { [transcript] process in
            // As a shell has it: a signal counts 128 and its number.
            let status = process.terminationReason == .exit ? 0 : Int32(128)
            transcript.state.withLock { $0.status = status + process.terminationStatus }
        }
        try process.run()
        processID = process.processIdentifier
        self.input = input
        try other.close()
        read(output.fileHandleForReading) { $0.output += $1 }
        read(error.fileHandleForReading) { $0.error += $1 }
        if let text {
            try self.input.write(contentsOf: Data(text.utf8))
            if !terminal { try self.input.close() }
        }
    }

    private static func openPipe() -> (ours: FileHandle, other: FileHandle) {
        let pipe = Pipe()
        return (pipe.fileHandleForWriting, pipe.fileHandleForReading)
    }

    /// A pseudo-terminal: what is written to our side is what somebody types.
    private static func openTerminal() throws -> (ours: FileHandle, other: FileHandle) {
        var (ours, other): (Int32, Int32) = (-1, -1)
        try #require(openpty(&ours, &other, nil, nil, nil) == 0)
        return (
            FileHandle(fileDescriptor: ours, closeOnDealloc: true),
            FileHandle(fileDescriptor: other, closeOnDealloc: true)
        )
    }

    /// A test that fails before it has ended its program must not leave it behind.
    deinit {
        if transcript.state.withLock({ $0.status == nil }) { kill(processID, SIGKILL) }
    }

    /// Where the programs are: beside the bundle of the tests.
    private static var products: URL {
        #if os(macOS)
            Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }!.bundleURL.deletingLastPathComponent()
        #else
            Bundle.main.bundleURL
        #endif
    }

    /// What it has written to standard output so far.
    var output: String { String(decoding: transcript.state.withLock { $0.output }, as: UTF8.self) }

    /// What it has written to standard error so far.
    var error: String { String(decoding: transcript.state.withLock { $0.error }, as: UTF8.self) }

    /// Whether it has ended.
    var hasEnded: Bool { transcript.state.withLock { $0.status != nil && $0.open == 0 } }

    /// Waits until it has written a text.
    func waitForOutput(_ text: String) async throws {
        try await eventually("the program writes \(text)", within: .seconds(60)) { output.contains(text) || hasEnded }
        try #require(output.contains(text), "it wrote \(output)")
    }

    func signal(_ number: Int32) {
        kill(processID, number)
    }

    /// Waits for its end.
    @discardableResult
    func end(within time: Duration = .seconds(60)) async throws -> Result {
        try await eventually("the program ends", within: time) { hasEnded }
        return transcript.state.withLock {
            Result(
                status: $0.status ?? -1, output: String(decoding: $0.output, as: UTF8.self),
                error: String(decoding: $0.error, as: UTF8.self))
        }
    }

    private func read(_ handle: FileHandle, _ add: @escaping @Sendable (inout Transcript.State, Data) -> Void) {
        Thread.detachNewThread { [transcript] in
            // Not read(upToCount:), which waits until it has as much.
            while case let data = handle.availableData, !data.isEmpty {
                transcript.state.withLock { add(&$0, data) }
            }
            transcript.state.withLock { $0.open -= 1 }
        }
    }
}

/// Runs `nightjar` to its end.
func nightjar(
    _ arguments: String..., environment: [String: String] = [:], input: String = "",
    in directory: URL = FileManager.default.temporaryDirectory
) async throws -> RunningProgram.Result {
    try await RunningProgram("nightjar", arguments, environment: environment, input: input, in: directory).end()
}

extension TestDatabase {
    /// A connection string for a program's command line or environment.
    var url: String {
        configuration.keywords.map { "\($0)='\($1)'" }.joined(separator: " ")
    }
}

/// An empty directory for the duration of a closure, which a server that runs as another user may enter.
func withTemporaryDirectory<T>(_ body: (URL) async throws -> T) async throws -> T {
    let url = FileManager.default.temporaryDirectory.appending(path: "nj-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    return try await body(url)
}
