public import Foundation
internal import PostgresClient

extension Client {
    /// The unfinished runs that a filter means now, the oldest first, and how many there are. Changes nothing.
    /// - Parameter limit: how many runs to list, from 0; they are counted all.
    /// - Throws: ``NightjarError`` with `invalidFilter` or `unknownFunction`.
    public func previewCancel(_ filter: RunFilter, limit: Int = 100) async throws -> CancelPreview {
        let parameters = try filter.parameters() + [filter.condition(), Int32(clamping: max(limit, 1))]
        return try await source.withConnection { db in
            // One snapshot for both: a run must not end in between.
            try db.transaction(isolation: .repeatableRead, readOnly: true) { db in
                let rows = try Self.refusals {
                    try db.query(Statement.bulkPreview.sql, parameters)
                }
                let ids = try rows.prefix(limit).map { try $0.decode("run_id", as: UUID.self) }
                return CancelPreview(
                    total: try rows.first?.decode("total") ?? 0,
                    runs: try RunRecord.read(db, where: "r.run_id = ANY ($1)", [ids], limit: ids.count).reversed())
            }
        }
    }

    /// Asks for the cancel of all unfinished runs that a filter means. Returns at once: workers carry it out.
    ///
    /// Where no worker runs, or to see it through, follow with ``carryOut(bulkCancel:interruptingWhenCancelled:progress:)``.
    /// - Parameters:
    ///   - actor: who asks, for the record.
    ///   - reason: why, for the record.
    ///   - includingNew: whether runs that start while it is carried out are meant too; else those of events that were
    ///     sent after this call are left alone.
    /// - Throws: ``NightjarError`` with `invalidFilter` or `unknownFunction`; then nothing was asked for.
    public func cancelAll(
        _ filter: RunFilter, actor: String, reason: String? = nil, includingNew: Bool = false
    ) async throws -> BulkCancel {
        let parameters =
            try filter.parameters() + [filter.expression, filter.condition(), includingNew, actor, reason]
        let request = try await source.withConnection { db in
            let id = try Self.refusals {
                try db.query(Statement.bulkCancel.sql, parameters)[0].decode(0, as: UUID.self)
            }
            return try BulkCancel.read(db, id: id)[0]
        }
        await hints.send([.pending])
        return request
    }

    /// Reads a request to cancel many runs; nil when there is none.
    public func bulkCancel(_ id: UUID) async throws -> BulkCancel? {
        try await source.withConnection { db in try BulkCancel.read(db, id: id).first }
    }

    /// Reads the latest requests to cancel many runs, the newest first.
    public func bulkCancels(limit: Int = 50) async throws -> [BulkCancel] {
        try await source.withConnection { db in try BulkCancel.read(db, limit: limit) }
    }

    /// Interrupts a request: when this returns, nothing more is cancelled by it. What is done has no effect.
    /// - Throws: ``NightjarError`` with `unknownBulkCancel` when there is no such request.
    @discardableResult
    public func interrupt(bulkCancel id: UUID) async throws -> BulkCancel {
        try await setInterrupted(true, id)
    }

    /// Lets an interrupted request go on from where it was. What is running or done has no effect.
    /// - Throws: ``NightjarError`` with `unknownBulkCancel` when there is no such request.
    @discardableResult
    public func resume(bulkCancel id: UUID) async throws -> BulkCancel {
        let request = try await setInterrupted(false, id)
        await hints.send([.pending])
        return request
    }

    private func setInterrupted(_ isInterrupted: Bool, _ id: UUID) async throws -> BulkCancel {
        let request = try await source.withConnection { db in
            _ = try db.query("SELECT nightjar.bulk_interrupt($1, $2)", [id, isInterrupted])
            return try BulkCancel.read(db, id: id).first
        }
        guard let request else { throw Self.unknown(id) }
        return request
    }

    /// Carries a request out from here, in short transactions, until it is done or somebody interrupts it. Workers do so
    /// as well; they take turns.
    ///
    /// When the surrounding task is cancelled the request is interrupted, so that it does not go on elsewhere.
    /// - Parameters:
    ///   - interruptingWhenCancelled: false: leave it to the workers when the surrounding task is cancelled.
    ///   - progress: told how it stands after each transaction.
    /// - Returns: how it stands at the end: done, or interrupted by somebody else.
    /// - Throws: ``NightjarError`` with `unknownBulkCancel` when there is no such request; `CancellationError`.
    @discardableResult
    public func carryOut(
        bulkCancel id: UUID, interruptingWhenCancelled: Bool = true,
        progress: @Sendable (BulkCancel) async -> Void = { _ in }
    ) async throws -> BulkCancel {
        do {
            return try await advance(id, progress)
        } catch {
            if Task.isCancelled, interruptingWhenCancelled {
                // In a task of its own: nothing can be asked of the database in one that is cancelled.
                _ = try? await Task { try await self.interrupt(bulkCancel: id) }.value
            }
            throw error
        }
    }

    private func advance(
        _ id: UUID, _ progress: @Sendable (BulkCancel) async -> Void
    ) async throws -> BulkCancel {
        guard try await bulkCancel(id) != nil else { throw Self.unknown(id) }
        while true {
            let isMine = try await applier.advanceBulk(id)
            guard let request = try await bulkCancel(id) else { throw Self.unknown(id) }
            await progress(request)
            guard request.state == .running else {
                // Those that somebody held, and what the cancelled ones had invoked.
                while try await applyPending() > 0 {}
                return request
            }
            // Nothing for us: a worker has it at this moment.
            if !isMine { try await Task.sleep(for: .milliseconds(50)) }
        }
    }

    private static func unknown(_ id: UUID) -> NightjarError {
        NightjarError(.unknownBulkCancel, "there is no request \(id.uuidString.lowercased()) to cancel many runs")
    }

    private static func refusals<T>(_ body: () throws -> T) throws -> T {
        try NightjarError.refusals([.undefinedObject: .unknownFunction, .invalidParameterValue: .invalidFilter], body)
    }
}

/// What a cancel of many runs would hit.
public struct CancelPreview: Sendable {
    /// How many runs.
    public var total: Int
    /// The oldest of them.
    public var runs: [RunRecord]
}
