internal import Logging
internal import Nightjar
internal import PostgresClient
internal import Synchronization

/// Tells when an app was registered.
final class AppChanges: Sendable {
    private static let channel = "nightjar_apps"

    private let database: PostgresConfiguration
    private let logger: Logger
    private let alarm = Alarm()
    private let clockAlarm = Alarm()
    private let stopped = Mutex(false)

    init(database: PostgresConfiguration, logger: Logger) {
        self.database = database
        self.logger = logger
    }

    /// Listens until the task is cancelled.
    func listen() async {
        for await element in PostgresNotifications(database, channels: [Self.channel], logger: logger) {
            switch element {
            // What was told while nobody listened is lost: look once.
            case .listening, .notification: ring()
            case .lost: break
            }
        }
    }

    /// Returns when something was registered, or after `limit`: a notification can be lost.
    func wait(atMost limit: Duration) async { await alarm.wait(until: .now + limit) }

    /// The same for the clock, which waits beside.
    func waitForClock(atMost limit: Duration) async { await clockAlarm.wait(until: .now + limit) }

    private func ring() {
        alarm.ring()
        clockAlarm.ring()
    }

    /// Nobody is to wait any more.
    func stop() {
        stopped.withLock { $0 = true }
        ring()
    }

    var areStopped: Bool { stopped.withLock { $0 } }
}
