/// Describes a durable function; ``run(_:)`` completes it.
///
/// ```swift
/// let publishPost = Function("publish-post", on: PostScheduled.self)
///     .cancelOn(PostCancelled.self, match: \.postID)
///     .run { event, step in
///         try await step.sleep("wait-for-publish-time", until: event.data.scheduledAt)
///         return try await step.run("publish-post") { try await posts.publish(event.data.postID) }
///     }
/// ```
///
/// Code between steps runs again at every replay, so it should only decide; whatever has effects belongs into a step.
public struct Function<Payload: Decodable & Sendable>: Sendable {
    /// What a run of this function executes when it has failed.
    public typealias FailureBody = @Sendable (FunctionFailure<Payload>, Step) async throws -> Void
    /// Handles a cancellation; has steps of its own.
    public typealias CancelBody = @Sendable (FunctionCancellation<Payload>, Step) async throws -> Void

    let id: String
    var name: String?
    let triggers: [Trigger]
    var cancelPolicies: [CancelPolicy] = []
    var options = FunctionOptions()
    var priority: PriorityExpression?
    var problems: [String] = []
    var failureBody: FailureBody?
    var cancelBody: CancelBody?

    /// Describes a function that events of one type start.
    ///
    /// - Parameters:
    ///   - id: Identifies the function within its app: 1 to 128 letters, digits, `.`, `_` and `-`. Changing it makes
    ///     another function: runs under way are no longer executed.
    ///   - type: The data of the events that start it.
    public init(_ id: String, on type: Payload.Type) where Payload: EventData {
        self.id = id
        self.triggers = [Trigger(event: type.eventName)]
    }

    /// Describes a function that events of several names, or of all names that a wildcard covers, start.
    ///
    /// It receives raw events; ``Event/decode(_:)`` makes typed ones of them.
    public init(_ id: String, on triggers: EventTrigger...) where Payload == JSON {
        self.id = id
        self.triggers = triggers.map { Trigger(event: $0.event) }
    }

    /// Sets a name for people to read; the id when not set.
    public func named(_ name: String) -> Self { with { $0.name = name } }

    /// Sets how failures are retried: of steps that have no policy of their own, and of code outside of steps.
    public func retries(_ policy: RetryPolicy) -> Self { with { $0.options.retries = policy } }

    /// Sets how many attempts may follow the first one, 0 to 20, with the standard back-off.
    public func retries(_ maxRetries: Int) -> Self { retries(RetryPolicy(maxRetries: maxRetries)) }

    /// Limits how long a run may wait for its first start, and how long it may then take. Beyond it the run is cancelled.
    ///
    /// - Parameters:
    ///   - start: From the event to the run's first start; 1 ms or more, unlimited when nil.
    ///   - finish: From the run's first start to its end, sleeps and retries included; 1 ms or more, unlimited when nil.
    public func timeouts(start: Duration? = nil, finish: Duration? = nil) -> Self {
        with {
            $0.options.startTimeout = start
            $0.options.finishTimeout = finish
        }
    }

    /// Limits one attempt of every step that has no limit of its own. Beyond it the attempt fails and is retried.
    public func stepTimeout(_ limit: Duration) -> Self { with { $0.options.stepTimeout = limit } }

    /// Limits the output of each step and of the function, in bytes of JSON text; 4 MiB when not set.
    public func outputLimit(_ bytes: Int) -> Self { with { $0.options.outputLimit = bytes } }

    /// Sets what happens when a run has failed: a run of its own, of a function with the id `<id>-failure`.
    public func onFailure(_ body: @escaping FailureBody) -> Self { with { $0.failureBody = body } }

    /// Sets what happens when a run has been cancelled: a run of its own, of a function with the id `<id>-cancel`.
    ///
    /// It learns which steps had been recorded, so that it can undo them. It is not called for runs that ended otherwise.
    public func onCancel(_ body: @escaping CancelBody) -> Self { with { $0.cancelBody = body } }

    /// Completes the function with its body.
    ///
    /// - Parameter body: Executed for every event; after each sleep and crash again from the start, with recorded
    ///   steps returning what they returned before.
    public func run<Output: Encodable & Sendable>(
        _ body: @escaping @Sendable (Event<Payload>, Step) async throws -> Output
    ) -> FunctionDefinition {
        let limit = options.outputLimit
        return definition { event, step in
            let event = try event.decode(Payload.self)
            let output = try await body(event, step)
            return try StepOutput.text(output, of: "the function", limit: limit)
        }
    }

    /// Completes the function with its body, which returns nothing.
    @_disfavoredOverload  // It would accept a body that returns something, and lose it.
    public func run(_ body: @escaping @Sendable (Event<Payload>, Step) async throws -> Void) -> FunctionDefinition {
        definition { event, step in
            try await body(try event.decode(Payload.self), step)
            return "null"
        }
    }

    func with(_ change: (inout Self) -> Void) -> Self {
        var copy = self
        change(&copy)
        return copy
    }

    private func definition(_ body: @escaping FunctionDefinition.Body) -> FunctionDefinition {
        FunctionDefinition(
            id: id, name: name, triggers: triggers, cancelPolicies: cancelPolicies, options: options,
            priority: priority, handlers: handlers, problems: problems, body: body)
    }
}
