/// The metadata keys of this module's log lines.
enum LogKey {
    static let error = "error"
    static let backend = "backend_pid"
    static let severity = "severity"
    static let notice = "notice"
    static let target = "server"
    static let delay = "delay_ms"
    static let channels = "channels"
}
