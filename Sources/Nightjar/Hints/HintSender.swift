internal import Logging
internal import PostgresClient
internal import Synchronization

/// Sends hints after commits, gathered: while one NOTIFY is under way the next ones collect, and go as one.
///
/// Measured reason for the detour: `pg_notify` inside a writing transaction makes all notifying commits of the cluster go
/// one by one, 12 to 16 times fewer inserts at 16 to 64 writers; a transaction that only notifies flushes no WAL.
final class HintSender: Sendable {
    private struct State {
        var waiting: Set<Hint> = []
        var isSending = false
    }

    private let state = Mutex(State())
    private let source: any ConnectionSource
    private let logger: Logger
    private let lost: @Sendable () -> Void

    init(source: any ConnectionSource, logger: Logger, lost: @escaping @Sendable () -> Void = {}) {
        self.source = source
        self.lost = lost
        self.logger = logger
    }

    /// Sends hints; returns once they are sent, or at once if another call is sending and will take them along.
    func send(_ hints: some Sequence<Hint> & Sendable) async {
        let isMine = state.withLock { state in
            state.waiting.formUnion(hints)
            guard !state.isSending, !state.waiting.isEmpty else { return false }
            state.isSending = true
            return true
        }
        guard isMine, await sendBatch() else { return }
        // What has gathered meanwhile are others' hints: they must not keep this caller for as long as more come.
        Task { while await self.sendBatch() {} }
    }

    /// Sends what waits; says whether more has gathered meanwhile.
    private func sendBatch() async -> Bool {
        let batch = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        do {
            try await source.withConnection { db in
                _ = try db.query(
                    "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload",
                    [Hint.channel, Hint.payloads(of: batch)])
            }
        } catch {
            lost()
            logger.debug("hint lost; the poll will find it", metadata: ["error": "\(error)"])
        }
        return state.withLock { state in
            state.isSending = !state.waiting.isEmpty
            return state.isSending
        }
    }
}
