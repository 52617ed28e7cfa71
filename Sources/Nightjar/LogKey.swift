/// The metadata keys of Nightjar's log lines.
package enum LogKey {
    static let app = "nightjar.app"
    static let answered = "nightjar.answered"
    static let cancelled = "nightjar.cancelled"
    static let count = "nightjar.count"
    static let error = "nightjar.error"
    static let event = "nightjar.event"
    static let function = "nightjar.function"
    static let name = "nightjar.name"
    static let policy = "nightjar.policy"
    static let reason = "nightjar.reason"
    static let run = "nightjar.run_id"
    static let session = "nightjar.session_id"
    static let signal = "nightjar.signal"
    package static let tenant = "nightjar.tenant"
    static let version = "nightjar.version"
}
