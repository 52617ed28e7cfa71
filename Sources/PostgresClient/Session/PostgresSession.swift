public import Logging

/// One connection for a caller that needs it for itself, on a thread of its own.
///
/// Unlike in a pool, what a call leaves behind stays: an open transaction, settings, advisory locks. Calls take
/// their turn. A connection that is lost is opened anew by the next call; what it had left behind is gone then, and
/// if that was an open transaction, one call throws code `connectionLost` first.
public final class PostgresSession: Sendable {
    private let link: ConnectionLink

    /// Makes a session; nothing is connected yet.
    public init(_ configuration: PostgresConfiguration, logger: Logger) {
        let habits = ConnectionLink.Habits(isShared: false, testsAfter: .seconds(30))
        link = ConnectionLink(configuration, habits: habits, name: "pg-session", logger: logger)
    }

    /// Opens the connection if it is not open.
    ///
    /// - Throws: ``PostgresError``, or `CancellationError` when the task is cancelled.
    public func connect() async throws {
        try await run { _ in }
    }

    /// Calls `body` with the connection on the connection's thread; opens it first if need be.
    ///
    /// When the task is cancelled, a running statement is ended on the server; a transaction that was open then is in
    /// a failed state.
    ///
    /// - Throws: What `body` throws, ``PostgresError``, or `CancellationError` when the task is cancelled.
    @discardableResult
    public func run<T: Sendable>(_ body: @Sendable (PostgresConnection) throws -> T) async throws -> T {
        try Task.checkCancellation()
        let cancellation = StatementCancellation()
        let outcome = await withTaskCancellationHandler {
            await link.run(cancellation, body)
        } onCancel: {
            cancellation.request()
        }
        switch outcome {
        case .done(let result, _): return try result.getMappingCancellation()
        case .unreachable(let error): throw error
        }
    }

    /// Closes the connection, which rolls back an open transaction, and ends its thread.
    public func close() async {
        await link.close()
        await link.stopThread()
    }
}
