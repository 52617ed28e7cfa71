internal import Foundation
internal import Logging
internal import PostgresClient
internal import Synchronization

/// Gathers the events of concurrent calls, so that they share statements and commits: what comes while nobody writes is
/// written at once; what comes meanwhile is written next, together. One writes at a time, unless it is held up, as by a row
/// that a user's transaction holds: then the next one begins beside it.
///
/// Each caller either writes, for all that wait, or waits until another has written for it: no task of its own is needed.
/// The events of one call are stored all or none. A call whose events the database refuses fails alone: its batch is split
/// until it is by itself.
final class EventGroup: Sendable {
    /// A batch takes no more calls once it has as much.
    private static let limits = (events: 5_000, bytes: 8 << 20)
    /// How often a call that is alone asks for a lock that somebody holds, each time for as long as `lock_timeout`.
    private static let patienceWithLocks = 30
    /// A writer that takes longer is held up.
    private static let patience = Duration.milliseconds(20)

    private struct Call: Sendable {
        var events: [StorableEvent]
        var size: Int
        /// Its place in the order of those that waited; 0: it did not.
        var number = 0
        var continuation: CheckedContinuation<Turn, any Error>?

        init(_ events: [StorableEvent]) {
            self.events = events
            size = events.reduce(0) { $0 + $1.dataJSON.utf8.count + ($1.userJSON?.utf8.count ?? 0) + 200 }
        }
    }

    /// What becomes of a call that waited.
    private enum Turn: Sendable {
        case stored([UUID])
        /// It is to write this batch, of which it is the first.
        case write([Call])
    }

    private struct State {
        let limit: Int
        var waiting: [Call] = []
        var lastNumber = 0
        var writers = 0
        var heldUp = 0

        init(limit: Int) { self.limit = limit }

        /// Whether another one may begin to write, who then counts as a writer.
        mutating func begin() -> Bool {
            guard writers == heldUp, writers < limit else { return false }
            writers += 1
            return true
        }

        /// What the next one is to write, if there is anything and somebody may.
        mutating func next() -> [Call]? {
            guard !waiting.isEmpty, begin() else { return nil }
            var (count, events, bytes) = (0, 0, 0)
            for call in waiting {
                events += call.events.count
                bytes += call.size
                if count > 0, events > EventGroup.limits.events || bytes > EventGroup.limits.bytes { break }
                count += 1
            }
            defer { waiting.removeFirst(count) }
            return Array(waiting.prefix(count))
        }
    }

    private let state: Mutex<State>
    private let source: any ConnectionSource
    private let logger: Logger

    /// - Parameter writers: how many write at the same time at most, all but one of them held up.
    init(source: any ConnectionSource, writers: Int, logger: Logger) {
        self.source = source
        self.logger = logger
        state = Mutex(State(limit: max(1, writers)))
    }

    /// The calls whose events are not being written yet.
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// Stores the events of a call, all or none, in this order; answers under which ids once they are durable.
    ///
    /// A caller whose task is cancelled before its turn has come stores nothing.
    func store(_ events: [StorableEvent]) async throws -> [UUID] {
        try Task.checkCancellation()
        let call = Call(events)
        if state.withLock({ $0.begin() }) { return try await write([call]) }
        switch try await turn(of: call) {
        case .stored(let ids): return ids
        case .write(let batch): return try await write(batch)
        }
    }

    // MARK: - Waiting

    private func turn(of call: Call) async throws -> Turn {
        var call = call
        call.number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        return try await withTaskCancellationHandler { [call] in
            try await withCheckedThrowingContinuation { continuation in
                var call = call
                call.continuation = continuation
                let turn = state.withLock { [call] state -> Result<Turn, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    // The last writer may have ended since.
                    if state.begin() { return .success(.write([call])) }
                    state.waiting.append(call)
                    return nil
                }
                if let turn { continuation.resume(with: turn) }
            }
        } onCancel: { [number = call.number] in
            let removed = state.withLock { state in
                state.waiting.firstIndex { $0.number == number }.map { state.waiting.remove(at: $0) }
            }
            removed?.continuation?.resume(throwing: CancellationError())
        }
    }

    private func passOn(_ change: (inout State) -> Void) {
        let next = state.withLock { state in
            change(&state)
            return state.next()
        }
        if let next { next[0].continuation?.resume(returning: .write(next)) }
    }

    // MARK: - Writing

    /// Writes a batch for its first call, and for the others.
    private func write(_ batch: [Call]) async throws -> [UUID] {
        // In a task that the caller waits for, but cannot cancel: the others' events go with it.
        let (result, wasHeldUp) = await Task { await self.watched(batch) }.value
        // Lets those that have just been told send what they have next, so that it goes with the next batch: of 64 senders 62
        // share a commit, not 32, and 21,000 events a second are stored, not 11,000. Two writers at a time: 14,000.
        for _ in 0..<3 { await Task.yield() }
        passOn { state in
            state.writers -= 1
            if wasHeldUp { state.heldUp -= 1 }
        }
        return try result.get()
    }

    /// Writes a batch; if that takes its time, lets others begin meanwhile. Answers what became of the first call.
    private func watched(_ batch: [Call]) async -> (result: Result<[UUID], any Error>, wasHeldUp: Bool) {
        await withTaskGroup(of: Result<[UUID], any Error>?.self) { group in
            group.addTask {
                var first: Result<[UUID], any Error>?
                await self.write(batch[...]) { call, result in
                    if let continuation = call.continuation, call.number != batch[0].number {
                        continuation.resume(with: result.map(Turn.stored))
                    } else {
                        first = result
                    }
                }
                return first
            }
            group.addTask {
                try? await Task.sleep(for: Self.patience)
                return nil
            }
            defer { group.cancelAll() }
            var isHeldUp = false
            while let result = await group.next() {
                if let result { return (result, isHeldUp) }
                isHeldUp = true
                passOn { $0.heldUp += 1 }
            }
            return (.failure(CancellationError()), isHeldUp)
        }
    }

    /// Tells what becomes of each call as soon as that is known: nobody waits for a part of the batch that is not its own.
    private func write(
        _ calls: ArraySlice<Call>, tell: (Call, Result<[UUID], any Error>) -> Void
    ) async {
        do {
            var ids = try await written(calls.flatMap(\.events), isShared: calls.count > 1)[...]
            for call in calls {
                tell(call, .success(Array(ids.prefix(call.events.count))))
                ids = ids.dropFirst(call.events.count)
            }
        } catch let error as PostgresError where calls.count > 1 && error.isAboutLocks {
            await writeApart(calls, tell: tell)
        } catch let error as PostgresError where calls.count > 1 && error.isOfOneCall {
            logger.notice("events of a batch were refused; it is split", metadata: [LogKey.error: "\(error.message)"])
            let middle = calls.startIndex + calls.count / 2
            await write(calls[..<middle], tell: tell)
            await write(calls[middle...], tell: tell)
        } catch {
            for call in calls { tell(call, .failure(error)) }
        }
    }

    /// Each call by itself, and last those for which somebody holds what they need.
    private func writeApart(_ calls: ArraySlice<Call>, tell: (Call, Result<[UUID], any Error>) -> Void) async {
        var left: [Call] = []
        for call in calls {
            do {
                tell(call, .success(try await written(call.events, isShared: true)))
            } catch let error as PostgresError where error.isAboutLocks {
                left.append(call)
            } catch {
                tell(call, .failure(error))
            }
        }
        for call in left { await write([call], tell: tell) }
    }

    /// Events that are stored already are left alone, so a connection that is lost on the way does no harm: the same is
    /// done again.
    private func written(_ events: [StorableEvent], isShared: Bool) async throws -> [UUID] {
        var attempt = 0
        while true {
            do {
                return try await source.withConnection { db in try StorableEvent.store(events, db) }
            } catch let error as PostgresError
                where error.isAboutLocks
                ? !isShared && attempt < Self.patienceWithLocks
                : (error.isRetryable || error.code == .commitOutcomeUnknown) && attempt < 5
            {
                attempt += 1
                try await Task.sleep(for: .milliseconds(20 << min(attempt, 5)))
            }
        }
    }
}

extension PostgresError {
    /// Whether somebody held for too long what a row had to wait for, such as the id of an event.
    fileprivate var isAboutLocks: Bool { sqlState == .lockNotAvailable }

    /// Whether one of several calls may be the reason, so that the others would succeed without it.
    fileprivate var isOfOneCall: Bool { isAboutValues || code == .server && !isRetryable }

    /// Whether the error lies in what was stored: data that cannot be (class 22, 23), limits of the server (54), a statement
    /// that took too long, and what triggers of the user refuse.
    package var isAboutValues: Bool {
        if code == .encoding { return true }
        guard code == .server, let state = sqlState else { return false }
        return ["22", "23", "54", "P0"].contains(String(state.rawValue.prefix(2))) || state == .queryCanceled
    }
}
