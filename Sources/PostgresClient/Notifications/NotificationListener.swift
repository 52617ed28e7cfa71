import CLibPQ
import Logging

/// Waits for notifications on a thread of its own, which is blocked for as long as somebody waits for `next`.
actor NotificationListener {
    private let configuration: PostgresConfiguration
    private let channels: [String]
    private let pingInterval: Duration
    private let logger: Logger
    private let thread = ConnectionThread(name: "pg-listen")

    /// Ends the iteration.
    nonisolated let wakeUp = WakeUp()

    private var connection: PostgresConnection?
    private var heartbeat: Heartbeat
    private var backOff = BackOff(initial: .milliseconds(100), maximum: .seconds(5), jitter: 0.5)
    private var nextAttempt = ContinuousClock.now
    private var hasListened = false
    private var hasReportedLoss = false

    init(_ configuration: PostgresConfiguration, channels: [String], pingInterval: Duration, logger: Logger) {
        self.configuration = configuration
        self.channels = channels
        self.pingInterval = pingInterval
        self.logger = logger
        heartbeat = Self.heartbeat(pingInterval)
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    func next() -> PostgresNotifications.Element? {
        while !wakeUp.isSignalled {
            do {
                if let connection {
                    if let notification = connection.nextNotification() { return notification }
                    try wait(on: connection)
                } else if let element = try reconnect() {
                    return element
                }
            } catch {
                if let element = lose(error) { return element }
            }
        }
        connection = nil
        return nil
    }

    /// Waits until something may have arrived.
    private func wait(on connection: PostgresConnection) throws {
        switch heartbeat.step(now: .now) {
        case .ping:
            // Nothing but a sign of life: an empty query would be a transaction.
            guard PQpipelineSync(connection.handle) == 1 else { throw connection.sendFailure() }
            heartbeat.pinged(now: .now)
        case .giveUp:
            throw PostgresError(.connectionLost, "the server did not answer a ping")
        case .wait(let duration):
            let milliseconds = Int((min(duration, wakeUp.longestWait) / .milliseconds(1)).rounded(.up))
            let ready = Readiness.wait(
                for: [(PQsocket(connection.handle), .reading), (wakeUp.descriptor, .reading)],
                milliseconds: milliseconds)
            if ready[0] { try read(from: connection) }
        }
    }

    private func read(from connection: PostgresConnection) throws {
        guard PQconsumeInput(connection.handle) == 1 else {
            throw PostgresError(
                .connectionLost, String(cString: PQerrorMessage(connection.handle)).trimmingTrailingNewlines())
        }
        heartbeat.heard(now: .now)
        while heartbeat.isWaitingForAnswer, PQisBusy(connection.handle) == 0 {
            guard let result = PQgetResult(connection.handle) else {
                heartbeat.answered(now: .now)
                break
            }
            PQclear(result)
        }
        guard !connection.isLost else { throw PostgresError(.connectionLost, "the connection was lost") }
    }

    private func reconnect() throws -> PostgresNotifications.Element? {
        let pause = nextAttempt - .now
        if pause > .zero {
            let milliseconds = Int((min(pause, wakeUp.longestWait) / .milliseconds(1)).rounded(.up))
            _ = Readiness.wait(for: wakeUp.descriptor, .reading, milliseconds: milliseconds)
            return nil
        }
        let wakeUp = wakeUp
        let opened = try PostgresConnection(configuration, logger: logger) { wakeUp.isSignalled }
        let listen = channels.map { "LISTEN \(PostgresIdentifier($0).quoted)" }.joined(separator: "; ")
        try opened.command(listen, within: .seconds(10))
        guard PQenterPipelineMode(opened.handle) == 1 else { throw opened.sendFailure() }
        connection = opened
        heartbeat = Self.heartbeat(pingInterval)
        backOff.succeeded()
        hasReportedLoss = false
        defer { hasListened = true }
        logger.debug("listening for notifications", metadata: [LogKey.channels: "\(channels)"])
        return .listening(reconnected: hasListened)
    }

    /// - Returns: What to tell the consumer: one loss, however many attempts fail after it.
    private func lose(_ error: any Error) -> PostgresNotifications.Element? {
        connection = nil
        guard let failure = error as? PostgresError else { return nil }
        let delay = backOff.failed(random: Double.random(in: 0..<1))
        nextAttempt = .now + delay
        logger.warning(
            "not listening for notifications, trying again",
            metadata: [LogKey.error: "\(failure)", LogKey.delay: "\(Int(delay / .milliseconds(1)))"])
        defer { hasReportedLoss = true }
        return hasReportedLoss ? nil : .lost(failure)
    }

    private static func heartbeat(_ interval: Duration) -> Heartbeat {
        // A busy server may take its time, but not for ever.
        Heartbeat(interval: interval, patience: max(.seconds(1), min(interval, .seconds(10))), now: .now)
    }
}

extension PostgresConnection {
    /// A notification that has arrived already.
    fileprivate func nextNotification() -> PostgresNotifications.Element? {
        guard let notification = PQnotifies(handle) else { return nil }
        defer { PQfreemem(notification) }
        return .notification(
            channel: String(cString: notification.pointee.relname),
            payload: String(cString: notification.pointee.extra),
            senderPID: notification.pointee.be_pid)
    }
}
