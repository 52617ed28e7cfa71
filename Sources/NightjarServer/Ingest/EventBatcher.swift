internal import Foundation
internal import Hummingbird
internal import Logging
internal import Nightjar
internal import Synchronization

/// Gathers the events of concurrent requests, so that they share commits: what comes while nothing is being written is
/// written at once; what comes meanwhile is written next, together.
///
/// The events of one request are stored all or none. A request whose events the database refuses fails alone: the batch
/// that it was in is split until it is by itself.
final class EventBatcher: Sendable {
    /// What has been done so far.
    struct Statistics: Sendable, Equatable {
        var requests = 0
        var events = 0
        /// Transactions that were committed.
        var commits = 0
    }

    /// Beyond this, requests are refused until some are written.
    static let limits = (requests: 10_000, bytes: 128 << 20)
    /// A batch takes no more requests once it has as much.
    fileprivate static let batchLimits = (events: 5_000, bytes: 8 << 20)
    /// Batches that are written at the same time. One: two would wait for each other where functions have flow control.
    private static let lanes = 1

    fileprivate struct State {
        var waiting: [Submission] = []
        var waitingBytes = 0
        var idle: [CheckedContinuation<[Submission]?, Never>] = []
        var isClosed = false
        var statistics = Statistics()
    }

    private let state = Mutex(State())
    private let client: Client
    private let logger: Logger

    init(client: Client, logger: Logger) {
        self.client = client
        self.logger = logger
    }

    var statistics: Statistics { state.withLock { $0.statistics } }
    /// The requests whose events are not being written yet.
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// Stores the events of a request, all or none; answers under which ids once they are durable.
    func store(_ events: [StorableEvent]) async throws -> [UUID] {
        guard !events.isEmpty else { return [] }
        return try await withCheckedThrowingContinuation { continuation in
            let request = Submission(events: events, continuation: continuation)
            let refusal = state.withLock { state -> RequestFailure? in
                if state.isClosed { return Self.closed }
                if let lane = state.idle.popLast() {
                    lane.resume(returning: [request])
                    return nil
                }
                guard state.waiting.count < Self.limits.requests,
                    state.waitingBytes + request.size <= Self.limits.bytes || state.waiting.isEmpty
                else { return Self.overloaded }
                state.waiting.append(request)
                state.waitingBytes += request.size
                return nil
            }
            if let refusal { continuation.resume(throwing: refusal) }
        }
    }

    /// Writes until ``close()`` was called and everything is written.
    func run() async {
        await withDiscardingTaskGroup { group in
            for _ in 0..<Self.lanes {
                group.addTask {
                    while let batch = await self.next() { await self.write(batch[...]) }
                }
            }
        }
    }

    /// Takes no more requests.
    func close() {
        let idle = state.withLock { state in
            state.isClosed = true
            defer { state.idle = [] }
            return state.idle
        }
        for lane in idle { lane.resume(returning: nil) }
    }

    // MARK: - Writing

    private func next() async -> [Submission]? {
        await withCheckedContinuation { continuation in
            state.withLock { state in
                if !state.waiting.isEmpty {
                    continuation.resume(returning: state.takeBatch())
                } else if state.isClosed {
                    continuation.resume(returning: nil)
                } else {
                    state.idle.append(continuation)
                }
            }
        }
    }

    private func write(_ requests: ArraySlice<Submission>) async {
        do {
            var ids = try await client.store(requests.flatMap(\.events))[...]
            state.withLock { state in
                state.statistics.commits += 1
                state.statistics.requests += requests.count
                state.statistics.events += ids.count
            }
            for request in requests {
                request.continuation.resume(returning: Array(ids.prefix(request.events.count)))
                ids = ids.dropFirst(request.events.count)
            }
        } catch let error as PostgresError where Self.isAboutValues(error) {
            if requests.count == 1, let request = requests.first {
                request.continuation.resume(throwing: Self.refusal(error))
            } else {
                logger.notice("events of a batch were refused; it is split", metadata: ["error": "\(error.message)"])
                let middle = requests.startIndex + requests.count / 2
                await write(requests[..<middle])
                await write(requests[middle...])
            }
        } catch {
            for request in requests { request.continuation.resume(throwing: error) }
        }
    }

    /// Whether the error lies in what was sent: data that cannot be (class 22, 23), limits of the server (54), a statement
    /// that took too long, and what triggers of the user refuse.
    private static func isAboutValues(_ error: PostgresError) -> Bool {
        if error.code == .encoding { return true }
        guard error.code == .server, let state = error.sqlState else { return false }
        return ["22", "23", "54", "P0"].contains(String(state.rawValue.prefix(2))) || state == .queryCanceled
    }

    private static func refusal(_ error: PostgresError) -> RequestFailure {
        if error.sqlState == .queryCanceled {
            return RequestFailure(
                .serviceUnavailable, "too_slow", "the database did not store the events in time; send fewer at once",
                headers: [.retryAfter: "5"])
        }
        return RequestFailure(.badRequest, "invalid_event", "the database refuses the events: \(error.message)")
    }

    private static let closed = RequestFailure(
        .serviceUnavailable, "shutting_down", "the server is shutting down; try again", headers: [.retryAfter: "1"])
    private static let overloaded = RequestFailure(
        .serviceUnavailable, "overloaded", "more events wait to be stored than the server keeps; try again soon",
        headers: [.retryAfter: "1"])
}

extension EventBatcher {
    fileprivate struct Submission: Sendable {
        var events: [StorableEvent]
        var size: Int
        var continuation: CheckedContinuation<[UUID], any Error>

        init(events: [StorableEvent], continuation: CheckedContinuation<[UUID], any Error>) {
            self.events = events
            size = events.reduce(0) { $0 + $1.dataJSON.utf8.count + 200 }
            self.continuation = continuation
        }
    }
}

extension EventBatcher.State {
    fileprivate mutating func takeBatch() -> [EventBatcher.Submission] {
        var (count, events, bytes) = (0, 0, 0)
        for request in waiting {
            events += request.events.count
            bytes += request.size
            if count > 0, events > EventBatcher.batchLimits.events || bytes > EventBatcher.batchLimits.bytes { break }
            count += 1
            waitingBytes -= request.size
        }
        defer { waiting.removeFirst(count) }
        return Array(waiting.prefix(count))
    }
}
