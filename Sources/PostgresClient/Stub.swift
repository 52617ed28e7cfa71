public import Logging
public struct PostgresNotifications: AsyncSequence, Sendable {
    public enum Element: Sendable { case listening(reconnected: Bool), notification(channel: String, payload: String, senderPID: Int32), lost(PostgresError) }
    public init(_ configuration: PostgresConfiguration, channels: [String], pingInterval: Duration = .seconds(15), logger: Logger) {}
    public struct AsyncIterator: AsyncIteratorProtocol { public mutating func next() async throws -> Element? { try await Task.sleep(for: .seconds(10000)); return nil } }
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator() }
}
