internal import Foundation
internal import Hummingbird
internal import Nightjar
internal import Synchronization

/// Takes in the events of requests, as many as the server can keep until they are stored; refuses more.
///
/// The client stores those of concurrent requests together.
final class EventIntake: Sendable {
    /// Beyond this, requests are refused until some are stored.
    static let limits = (requests: 10_000, bytes: 128 << 20)

    private struct State {
        var requests = 0
        var bytes = 0
    }

    private let state = Mutex(State())
    private let client: Client

    init(client: Client) {
        self.client = client
    }

    /// Stores the events of a request, all or none; answers under which ids once they are durable.
    func store(_ events: [StorableEvent]) async throws -> [UUID] {
        let bytes = events.reduce(0) { $0 + $1.dataJSON.utf8.count + ($1.userJSON?.utf8.count ?? 0) + 200 }
        try state.withLock { state in
            guard state.requests < Self.limits.requests,
                state.bytes + bytes <= Self.limits.bytes || state.requests == 0
            else { throw Self.overloaded }
            state.requests += 1
            state.bytes += bytes
        }
        defer {
            state.withLock { state in
                state.requests -= 1
                state.bytes -= bytes
            }
        }
        do {
            return try await client.store(events)
        } catch let error as PostgresError where error.isAboutValues {
            throw Self.refusal(error)
        }
    }

    private static func refusal(_ error: PostgresError) -> RequestFailure {
        if error.sqlState == .queryCanceled {
            return RequestFailure(
                .serviceUnavailable, "too_slow", "the database did not store the events in time; send fewer at once",
                headers: [.retryAfter: "5"])
        }
        return RequestFailure(.badRequest, "invalid_event", "the database refuses the events: \(error.message)")
    }

    private static let overloaded = RequestFailure(
        .serviceUnavailable, "overloaded", "more events wait to be stored than the server keeps; try again soon",
        headers: [.retryAfter: "1"])
}
