import CLibPQ
import Logging

/// Takes the server's notices, which libpq would print to standard error.
final class NoticeHandler {
    let logger: Logger
    var onNotice: ((PostgresNotice) -> Void)?
    /// Whether the server has said that it ends the connection; while idle, libpq takes that for a notice.
    private(set) var wasFatal = false

    init(logger: Logger) {
        self.logger = logger
    }

    /// The handler must live until the connection is finished, because libpq keeps a bare pointer to it.
    func install(on connection: OpaquePointer) {
        PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context, let result else { return }
                Unmanaged<NoticeHandler>.fromOpaque(context).takeUnretainedValue().handle(result)
            },
            Unmanaged.passUnretained(self).toOpaque())
    }

    private func handle(_ result: OpaquePointer) {
        func field(_ code: Character) -> String? {
            PQresultErrorField(result, Int32(code.asciiValue!)).map { String(cString: $0) }
        }
        // "V" is the severity that is never translated.
        let notice = PostgresNotice(
            severity: field("V") ?? "NOTICE",
            message: field("M") ?? String(cString: PQresultErrorMessage(result)).trimmingTrailingNewlines(),
            sqlState: field("C").map(SQLState.init(rawValue:)))
        if notice.severity == "FATAL" || notice.severity == "PANIC" { wasFatal = true }
        logger.debug(
            "notice from the server",
            metadata: [LogKey.severity: "\(notice.severity)", LogKey.notice: "\(notice.message)"])
        onNotice?(notice)
    }
}
