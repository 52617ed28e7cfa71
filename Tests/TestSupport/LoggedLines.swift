package import Logging
import Synchronization

/// What is logged from a level on, each entry with its metadata in one line.
package final class LoggedLines: Sendable {
    private let entries = Mutex<[String]>([])
    private let level: Logger.Level

    package init(from level: Logger.Level = .warning) {
        self.level = level
    }

    package var lines: [String] { entries.withLock { $0 } }

    package var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private struct Handler: LogHandler {
        let log: LoggedLines
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        init(log: LoggedLines) { self.log = log }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            guard event.level >= log.level else { return }
            let details = metadata.merging(event.metadata ?? [:]) { _, new in new }
            let texts = details.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            log.entries.withLock { $0.append((["\(event.message)"] + texts).joined(separator: " ")) }
        }
    }
}
