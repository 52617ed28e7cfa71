extension Function {
    /// The functions that are started by an end of this one.
    var handlers: [FunctionDefinition] {
        let failure = failureBody.map { body in
            handler("failure", of: FailureEvent.name) { event, step in
                try await body(try event.decode(FunctionFailure<Payload>.self).data, step)
            }
        }
        let cancel = cancelBody.map { body in
            handler("cancel", of: CancelEvent.name) { event, step in
                try await body(try event.decode(FunctionCancellation<Payload>.self).data, step)
            }
        }
        return [failure, cancel].compactMap(\.self)
    }

    private func handler(
        _ end: String, of event: String, _ body: @escaping @Sendable (RecordedEvent, Step) async throws -> Void
    ) -> FunctionDefinition {
        // A handler is there to clear up: how long the function itself may take, and how many
        // of its runs may execute, says nothing about it.
        var options = options
        options.startTimeout = nil
        options.finishTimeout = nil
        options.limits = []
        return FunctionDefinition(
            id: "\(id)-\(end)", name: name.map { "\($0) (\(end))" },
            triggers: [Trigger(event: event, source: id)], options: options
        ) { event, step in
            try await body(event, step)
            return "null"
        }
    }
}
