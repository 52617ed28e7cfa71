import Foundation

/// The settings of a function that matter while it runs.
package struct FunctionOptions: Sendable, Hashable, Codable {
    /// For every step, unless it has its own, and for errors that the function throws outside of steps.
    package var retries = RetryPolicy()
    /// How long a run may wait for its first start; beyond it it is cancelled.
    package var startTimeout: Duration?
    /// How long a run may take from its first start, sleeps included; beyond it it is cancelled.
    package var finishTimeout: Duration?
    /// The limit on one attempt of a step, unless the step has its own.
    package var stepTimeout: Duration?
    /// The limit on the output of a step and of the function, in bytes of JSON text.
    package var outputLimit = Self.defaultOutputLimit
    /// How many runs may execute at once.
    package var limits: [ConcurrencyLimit] = []

    package static let defaultOutputLimit = 4 * 1024 * 1024

    package init() {}

    /// Returns the stored form: the same text for the same options.
    package func canonicalJSON() throws -> String { try JSONCoding.canonicalText(self) }

    /// Returns everything that is wrong with the options.
    var problems: [String] {
        var problems: [String] = []
        if let problem = retries.problem { problems.append(problem) }
        for (name, timeout) in [("start", startTimeout), ("finish", finishTimeout)] {
            if let timeout, timeout < .milliseconds(1) {
                problems.append("timeouts: \(name) must be at least 1 ms; it is \(timeout)")
            }
        }
        if let stepTimeout, stepTimeout <= .zero {
            problems.append("stepTimeout must be more than zero; it is \(stepTimeout)")
        }
        // What PostgreSQL can hold in one value is 1 GB; a jsonb document must stay well below.
        if !(1...(128 << 20)).contains(outputLimit) {
            problems.append("outputLimit must be 1 byte to 128 MiB; it is \(outputLimit) bytes")
        }
        return problems + ConcurrencyLimit.problems(of: limits)
    }
}

extension FunctionOptions {
    // Milliseconds, so that the stored form is the same on every platform and readable in SQL.
    private enum CodingKeys: String, CodingKey {
        case backoff, factor, limits
        case maxRetries = "max_retries"
        case initialMilliseconds = "initial_ms"
        case maximumMilliseconds = "maximum_ms"
        case jitterMilliseconds = "jitter_ms"
        case startTimeoutMilliseconds = "start_timeout_ms"
        case finishTimeoutMilliseconds = "finish_timeout_ms"
        case stepTimeoutMilliseconds = "step_timeout_ms"
        case outputLimit = "output_limit"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(retries.maxRetries, forKey: .maxRetries)
        try container.encode(retries.jitter.milliseconds, forKey: .jitterMilliseconds)
        switch retries.backoff {
        case .standard:
            try container.encode("standard", forKey: .backoff)
        case .constant(let delay):
            try container.encode("constant", forKey: .backoff)
            try container.encode(delay.milliseconds, forKey: .initialMilliseconds)
        case .exponential(let initial, let factor, let maximum):
            try container.encode("exponential", forKey: .backoff)
            try container.encode(initial.milliseconds, forKey: .initialMilliseconds)
            try container.encode(factor, forKey: .factor)
            try container.encode(maximum.milliseconds, forKey: .maximumMilliseconds)
        }
        try container.encodeIfPresent(startTimeout?.milliseconds, forKey: .startTimeoutMilliseconds)
        try container.encodeIfPresent(finishTimeout?.milliseconds, forKey: .finishTimeoutMilliseconds)
        try container.encodeIfPresent(stepTimeout?.milliseconds, forKey: .stepTimeoutMilliseconds)
        try container.encode(outputLimit, forKey: .outputLimit)
        if !limits.isEmpty { try container.encode(limits, forKey: .limits) }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func duration(_ key: CodingKeys) throws -> Duration? {
            try container.decodeIfPresent(Double.self, forKey: key).map { .milliseconds($0) }
        }
        let backoff: Backoff
        switch try container.decode(String.self, forKey: .backoff) {
        case "standard":
            backoff = .standard
        case "constant":
            backoff = .constant(try duration(.initialMilliseconds) ?? .zero)
        case "exponential":
            backoff = .exponential(
                initial: try duration(.initialMilliseconds) ?? .zero,
                factor: try container.decode(Double.self, forKey: .factor),
                maximum: try duration(.maximumMilliseconds) ?? .zero)
        case let other:
            throw DecodingError.dataCorruptedError(
                forKey: .backoff, in: container, debugDescription: "unknown back-off \"\(other)\"")
        }
        retries = RetryPolicy(
            maxRetries: try container.decode(Int.self, forKey: .maxRetries), backoff: backoff,
            jitter: try duration(.jitterMilliseconds))
        startTimeout = try duration(.startTimeoutMilliseconds)
        finishTimeout = try duration(.finishTimeoutMilliseconds)
        stepTimeout = try duration(.stepTimeoutMilliseconds)
        outputLimit = try container.decode(Int.self, forKey: .outputLimit)
        limits = try container.decodeIfPresent([ConcurrencyLimit].self, forKey: .limits) ?? []
    }
}

extension Duration {
    fileprivate var milliseconds: Double { seconds * 1000 }
}
