internal import Foundation
internal import Logging
internal import PostgresClient

/// Whether a notification that is sent comes back.
struct NotificationCheck: Sendable {
    let database: PostgresConfiguration
    let session: PostgresSession
    let logger: Logger
    var limit = Duration.seconds(5)

    private static let channel = "nightjar_doctor"
    private static let remedy =
        "connect workers to the server itself or to a pooler in session mode; without notifications everything happens "
        + "at the poll interval"

    func finding() async -> Finding {
        do {
            let usage = try await session.run { db in
                try db.query("SELECT pg_notification_queue_usage()")[0].decode(0, as: Double.self)
            }
            if usage > 0.5 {
                return .problem(
                    "notifications",
                    "the notification queue is \(Int(usage * 100)) % full; when it is full, commits fail",
                    do: "end the oldest transaction of a session that listens: see horizon")
            }
            guard let took = try await roundTrip() else {
                return .warning("notifications", "a notification did not come back within \(limit)", do: Self.remedy)
            }
            return .ok("notifications", "one came back after \(Int(took / .milliseconds(1))) ms")
        } catch {
            return .warning("notifications", "LISTEN does not work: \(error)", do: Self.remedy)
        }
    }

    /// How long one took from being sent; nil when it did not arrive in time.
    private func roundTrip() async throws -> Duration? {
        try await withThrowingTaskGroup(of: Duration?.self) { group in
            group.addTask { try await receive() }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    private func receive() async throws -> Duration? {
        let token = UUID().uuidString
        var sentAt: ContinuousClock.Instant?
        for try await element in PostgresNotifications(database, channels: [Self.channel], logger: logger) {
            switch element {
            case .listening:
                sentAt = .now
                try await session.run { db in
                    _ = try db.query("SELECT pg_notify($1, $2)", [Self.channel, token])
                }
            case .notification(_, token, _):
                return sentAt.map { .now - $0 }
            case .notification, .lost:
                continue
            }
        }
        return nil
    }
}
