import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

/// Asks the database what a match means: it registers a policy and begins a wait with it, inserts the run's own event
/// and the new one, applies, and looks who was cancelled and who was answered.
actor MatchBench {
    static let shared = MatchBench()

    /// What the new event did.
    struct Verdict: Equatable {
        /// It cancelled the run that has the match as a policy.
        var cancels: Bool
        /// It answered the step that waits by the match.
        var answers: Bool

        static let match = Verdict(cancels: true, answers: true)
        static let noMatch = Verdict(cancels: false, answers: false)
    }

    private var made: Probe?

    private func probe() async throws -> Probe {
        if let made { return made }
        let probe = try await Probe(try await TestDatabase.make())
        made = probe
        return probe
    }

    /// - Parameters:
    ///   - own: The data of the run's own event, as JSON.
    ///   - new: The data of the new one.
    ///   - pattern: The new event's name as the policy and the wait know it; `$` stands for something unique.
    ///   - name: Its name as it is sent.
    func verdict(
        _ match: Match, own: String, new: String, pattern: String = "$/new", name: String = "$/new"
    ) async throws -> Verdict {
        let probe = try await probe()
        let unique = "m\(UUID().uuidString)"
        let pattern = pattern.replacing("$", with: unique)
        let trigger = Trigger(event: "test/own.\(unique)")
        let cancelled = FunctionDefinition(
            id: "cancelled", triggers: [trigger], cancelPolicies: [CancelPolicy(event: pattern, match: match)],
            body: { _, _ in "null" })
        let waiting = FunctionDefinition(id: "waiting", triggers: [trigger], body: { _, _ in "null" })
        var registration = try await probe.register([cancelled, waiting], app: unique)
        registration.functions = registration.functions.filter { $0.value.id == "waiting" }

        try await probe.send(trigger.event, data: own)
        let lease = try #require(try await probe.claim(registration).runs.first?.lease)
        let isParked = try await probe.park(lease, opening: [.wait("wait", for: pattern, match)])
        #expect(isParked)
        try await probe.send(name.replacing("$", with: unique), data: new)
        try await probe.applyPendingOnce()

        let isCancelled = try await probe.value(
            "SELECT status = 'cancelled' FROM nightjar.run_status WHERE app = $1 AND function = 'cancelled'", [unique],
            as: Bool.self)
        let isAnswered = try await probe.arrival(lease.run, "wait") != nil
        let isReady = try await probe.status(of: lease.run) == "queued"
        #expect(isAnswered == isReady)
        return Verdict(cancels: isCancelled, answers: isAnswered)
    }

    /// What the invariants complain of after all that.
    func violations() async throws -> [String] { try await probe().violations() }
}
