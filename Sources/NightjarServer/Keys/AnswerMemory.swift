internal import Synchronization

/// Remembers for a while what the database has answered about keys, and that it knows one not.
final class AnswerMemory<Value: Sendable>: Sendable {
    /// How long an answer counts: a key that is revoked is refused after this time.
    static var span: Duration { .seconds(5) }
    private static var most: Int { 10_000 }

    private struct Answer {
        var value: Value?
        var until: ContinuousClock.Instant
    }

    private let answers = Mutex<[[UInt8]: Answer]>([:])

    /// What is remembered of a key, else what `ask` answers.
    func value(of key: [UInt8], ask: () async throws -> Value?) async throws -> Value? {
        let now = ContinuousClock.now
        if let known = answers.withLock({ $0[key] }), known.until > now { return known.value }
        let value = try await ask()
        answers.withLock { answers in
            if answers.count >= Self.most { answers = answers.filter { $0.value.until > now } }
            if answers.count < Self.most { answers[key] = Answer(value: value, until: now + Self.span) }
        }
        return value
    }
}
