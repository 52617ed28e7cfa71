public import Logging

/// What `NOTIFY` sends on some channels, received by a connection and thread of its own.
///
/// Each iteration listens for itself, connects when it begins and ends when its task is cancelled. A lost connection
/// is opened anew; what was sent meanwhile is lost, so after every `listening` look at the state that the
/// notifications are about. While the consumer is busy nothing is buffered here: the server waits.
public struct PostgresNotifications: AsyncSequence, Sendable {
    /// What an iteration yields.
    public enum Element: Sendable {
        /// From now on notifications arrive; `reconnected` is false the first time.
        case listening(reconnected: Bool)
        /// Somebody has sent `NOTIFY`; the process is the sender's on the server.
        case notification(channel: String, payload: String, senderPID: Int32)
        /// The connection broke, or could not be opened at first; attempts go on until `listening` is yielded.
        case lost(PostgresError)
    }

    /// Iterations never throw.
    public typealias Failure = Never

    private let configuration: PostgresConfiguration
    private let channels: [String]
    private let pingInterval: Duration
    private let logger: Logger

    /// Makes a sequence; nothing is connected yet.
    ///
    /// - Parameters:
    ///   - channels: Names as they are stored: `Orders` is another channel than `orders`.
    ///   - pingInterval: After how much silence the server is asked whether it is still there.
    public init(
        _ configuration: PostgresConfiguration, channels: [String], pingInterval: Duration = .seconds(15),
        logger: Logger
    ) {
        self.configuration = configuration
        self.channels = channels
        self.pingInterval = pingInterval
        self.logger = logger
    }

    /// Begins an iteration.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(
            listener: NotificationListener(
                configuration, channels: channels, pingInterval: pingInterval, logger: logger))
    }

    /// One iteration, with its own connection, which is closed when the iteration ends.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let listener: NotificationListener

        /// Waits for the next element; `nil` once the task was cancelled.
        public mutating func next(isolation actor: isolated (any Actor)? = #isolation) async -> Element? {
            let listener = listener
            return await withTaskCancellationHandler {
                await listener.next()
            } onCancel: {
                listener.wakeUp.signal()
            }
        }

        /// Waits for the next element; `nil` once the task was cancelled.
        public mutating func next() async -> Element? {
            await next(isolation: nil)
        }
    }
}
