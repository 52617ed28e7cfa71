public import Foundation
internal import PostgresClient

extension Client {
    /// Cancels one run, whatever it is doing.
    ///
    /// From then on nothing more of it is recorded. A worker that executes it tells its code, whose task is cancelled;
    /// to know that the code has ended as well, use ``cancel(_:actor:reason:waiting:)``.
    /// - Parameters:
    ///   - actor: who asks, for the record.
    ///   - reason: why, for the record.
    public func cancel(_ run: UUID, actor: String, reason: String? = nil) async throws -> CancelAnswer {
        let answer = try await source.withConnection { db in
            try db.query("SELECT nightjar.cancel($1, $2, $3)", [run, actor, reason])[0].decode(0, as: String.self)
        }
        // Handlers of its cancel, and runs that it had invoked.
        await hints.send([.ready, .pending])
        return CancelAnswer(rawValue: answer) ?? .unknown
    }

    /// Cancels one run and waits until nothing of it executes any more.
    ///
    /// ```swift
    /// switch try await client.cancel(run, actor: "support", waiting: .seconds(10)) {
    /// case .stopped: break
    /// case .executing(_, let code): print("\(code.worker) still executes \(code.steps)")
    /// case .unfinished(let run): print("it is still \(run.status)")
    /// }
    /// ```
    /// - Parameter timeout: how long to wait at most; the cancel counts all the same.
    /// - Throws: ``NightjarError`` with `unknownRun` when there is no such run.
    public func cancel(
        _ run: UUID, actor: String, reason: String? = nil, waiting timeout: Duration
    ) async throws -> RunStop {
        _ = try await cancel(run, actor: actor, reason: reason)
        return try await waitUntilStopped(run, timeout: timeout)
    }

    /// Waits until a run has ended and nothing of it executes any more.
    ///
    /// A cancel that has been asked for is applied on the way, also where no worker runs.
    /// - Parameter timeout: how long to wait at most.
    /// - Returns: how it stands then; anything but `stopped` means that the time was up.
    /// - Throws: ``NightjarError`` with `unknownRun` when there is no such run.
    public func waitUntilStopped(_ run: UUID, timeout: Duration = .seconds(30)) async throws -> RunStop {
        let deadline = ContinuousClock.now + timeout
        var pause = Duration.milliseconds(10)
        while true {
            var stop = try await look(at: run)
            if case .unfinished = stop {
                _ = try await applyPending()
                stop = try await look(at: run)
            }
            if case .stopped = stop { return stop }
            guard ContinuousClock.now < deadline else { return stop }
            try await Task.sleep(for: min(pause, deadline - .now))
            pause = min(pause * 1.5, .milliseconds(250))
        }
    }

    private func look(at run: UUID) async throws -> RunStop {
        let record = try await existing(run)
        guard record.outcome != nil else { return .unfinished(record) }
        let remaining = try await source.withConnection { db in
            try db.query(Statement.stillExecuting.sql, [run]).first.map(RemainingExecution.init)
        }
        return remaining.map { .executing(record, $0) } ?? .stopped(record)
    }

    /// Applies what is pending, and answers how many runs that cancelled.
    func applyPending() async throws -> Int {
        do { return try await applier.applyPending().cancelled } catch let error as PostgresError
            where error.sqlState == .insufficientPrivilege
        {
            return 0  // A role that may ask for cancels, and leaves them to the workers.
        }
    }

    /// Applies what is pending from here; whoever executes hears of it by hints.
    var applier: Applier { Applier(source: source, hints: hints, logger: logger) }
}

extension RemainingExecution {
    init(_ row: PostgresRow) throws {
        worker = try row.decode("worker")
        steps = try row.decode("steps")
        since = try row.decode("at")
        toldAt = try row.decode("told_at")
    }
}

/// What became of a request to cancel a run.
public enum CancelAnswer: String, Sendable {
    /// The run has ended as cancelled.
    case cancelled
    /// A worker executes it: nothing that it does from now on is recorded, and a worker ends it.
    case requested
    /// It had ended before.
    case ended
    /// There is no such run.
    case unknown
}
