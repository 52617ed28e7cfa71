import Logging

extension Logger {
    /// For layers whose errors are thrown, and printed by us.
    static var quiet: Logger { Logger(label: "nightjar") { _ in SwiftLogNoOpLogHandler() } }
}
