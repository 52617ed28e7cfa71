import Logging
import Synchronization

/// Keeps what is logged.
final class LogRecorder: Sendable {
    private let entries = Mutex<[String]>([])
    private let signal = Signal()

    var warnings: [String] { entries.withLock { $0 } }

    func waitForWarnings(_ count: Int) async { await signal.wait(for: count) }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(recorder: self) }
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        init(recorder: LogRecorder) { self.recorder = recorder }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            guard event.level >= .warning else { return }
            recorder.entries.withLock { $0.append("\(event.message)") }
            recorder.signal.fire()
        }
    }
}
