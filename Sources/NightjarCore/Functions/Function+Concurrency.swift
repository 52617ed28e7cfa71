extension Function {
    /// Limits how many runs of the function execute at once, over all workers. Others wait, in the order in which they came.
    ///
    /// A function may have two limits, a run then needs room in both.
    ///
    /// - Parameters:
    ///   - limit: How many; 0 for any number.
    ///   - level: Whether a run counts while it executes, or from its first start to its end.
    public func concurrency(_ limit: Int, level: ConcurrencyLevel = .step) -> Self {
        with { $0.options.limits.append(ConcurrencyLimit(limit: limit, level: level)) }
    }

    /// Limits how many runs execute at once whose events have the same value in a field.
    ///
    /// - Parameters:
    ///   - limit: How many for each value; 0 for any number.
    ///   - field: A field of the event's data; found in the JSON by way of the type's coding keys.
    ///   - scope: Among which runs the limit is shared.
    ///   - level: Whether a run counts while it executes, or from its first start to its end.
    public func concurrency<Value: Equatable>(
        _ limit: Int, key field: KeyPath<Payload, Value>, scope: ConcurrencyScope = .function,
        level: ConcurrencyLevel = .step
    ) -> Self {
        concurrency(limit, scope, level) { () throws(FieldPathProbe.Failure) in
            let path = try FieldPathProbe.path(of: field)
            return ("event.\(path.text)", .array([.string("event")] + path.elements.map(JSON.string)))
        }
    }

    /// Limits how many runs execute at once for whose events an expression has the same value.
    ///
    /// - Parameters:
    ///   - limit: How many for each value; 0 for any number.
    ///   - expression: Over the event, in a subset of CEL, such as `event.data.userID`, or a text such as `'mail'`. Runs for
    ///     which it has no value share one limit.
    ///   - scope: Among which runs the limit is shared.
    ///   - level: Whether a run counts while it executes, or from its first start to its end.
    public func concurrency(
        _ limit: Int, key expression: String, scope: ConcurrencyScope = .function, level: ConcurrencyLevel = .step
    ) -> Self {
        concurrency(limit, scope, level) { () throws(EventExpression.SyntaxError) in
            (expression, try EventExpression(expression, scope: .filter).stored)
        }
    }

    private func concurrency<Failure: Error & CustomStringConvertible>(
        _ limit: Int, _ scope: ConcurrencyScope, _ level: ConcurrencyLevel,
        _ key: () throws(Failure) -> (text: String, stored: JSON)
    ) -> Self {
        with { function in
            do {
                let key = try key()
                function.options.limits.append(
                    ConcurrencyLimit(limit: limit, scope: scope, level: level, key: key.stored, text: key.text))
            } catch {
                let text = (error as? EventExpression.SyntaxError)?.summary ?? "\(error)"
                function.problems.append("concurrency: \(text)")
            }
        }
    }
}
