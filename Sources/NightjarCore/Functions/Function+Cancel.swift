extension Function {
    /// Lets a later event cancel the runs whose own event has the same value in a field.
    ///
    /// The cancelling type must have a field at the same JSON path; a missing field matches nothing.
    ///
    /// - Parameters:
    ///   - type: The data of the cancelling event. The function's own trigger makes a newer run replace older ones.
    ///   - field: The field to compare; found in the JSON by way of the type's coding keys.
    ///   - timeout: When it stops listening; as long as the run lives when nil.
    public func cancelOn<Other: EventData, Value: Equatable>(
        _ type: Other.Type, match field: KeyPath<Payload, Value>, timeout: PolicyTimeout? = nil
    ) -> Self {
        cancel(on: type.eventName, timeout) { probes throws(FieldPathProbe.Failure) in
            let path = try probes.path(of: field)
            try FieldPathProbe.require(path, in: type)
            return Match(path, with: path)
        }
    }

    /// Lets a later event cancel the runs whose own event has, in one field, the value that it has in another.
    ///
    /// - Parameters:
    ///   - type: The data of the cancelling event.
    ///   - field: The field of the run's own event.
    ///   - otherField: The field of the cancelling event.
    ///   - timeout: When it stops listening; as long as the run lives when nil.
    public func cancelOn<Other: EventData, Value: Equatable>(
        _ type: Other.Type, match field: KeyPath<Payload, Value>, with otherField: KeyPath<Other, Value>,
        timeout: PolicyTimeout? = nil
    ) -> Self {
        cancel(on: type.eventName, timeout) { probes throws(FieldPathProbe.Failure) in
            Match(try probes.path(of: field), with: try probes.path(of: otherField))
        }
    }

    /// Lets a later event cancel the runs whose own event has the same value at a path.
    ///
    /// - Parameters:
    ///   - type: The data of the cancelling event.
    ///   - path: The path in both events, such as `data.post_id` or `data["a-b"].items[0]`.
    ///   - timeout: When it stops listening; as long as the run lives when nil.
    public func cancelOn<Other: EventData>(
        _ type: Other.Type, match path: String, timeout: PolicyTimeout? = nil
    ) -> Self {
        cancelOn(type.eventName, match: path, with: path, timeout: timeout)
    }

    /// Lets a later event cancel the runs whose own event has, at one path, the value that it has at another.
    public func cancelOn<Other: EventData>(
        _ type: Other.Type, match path: String, with otherPath: String, timeout: PolicyTimeout? = nil
    ) -> Self {
        cancelOn(type.eventName, match: path, with: otherPath, timeout: timeout)
    }

    /// Lets a later event of a name, or of any name that a wildcard covers, cancel runs by the same path in both.
    public func cancelOn(_ event: String, match path: String, timeout: PolicyTimeout? = nil) -> Self {
        cancelOn(event, match: path, with: path, timeout: timeout)
    }

    /// Lets a later event of a name, or of any name that a wildcard covers, cancel runs.
    ///
    /// - Parameters:
    ///   - event: The name of the cancelling event, such as `blog/post.deleted` or `blog/*`.
    ///   - path: The path in the run's own event, such as `data.postID`.
    ///   - otherPath: The path in the cancelling event.
    ///   - timeout: When it stops listening; as long as the run lives when nil.
    public func cancelOn(
        _ event: String, match path: String, with otherPath: String, timeout: PolicyTimeout? = nil
    ) -> Self {
        cancel(on: event, timeout) { _ throws(FieldPath.SyntaxError) in
            Match(try FieldPath(path), with: try FieldPath(otherPath))
        }
    }
}

extension Function {
    /// Lets a later event cancel the runs for which an expression is true.
    ///
    /// - Parameters:
    ///   - type: The data of the cancelling event.
    ///   - expression: A condition in a subset of CEL, where `event` is the run's own event and `async` the cancelling
    ///     one, such as `async.data.postID == event.data.postID && async.data.force == true`. A missing field matches
    ///     nothing, whatever the operator.
    ///   - timeout: When it stops listening; as long as the run lives when nil.
    public func cancelOn<Other: EventData>(
        _ type: Other.Type, if expression: String, timeout: PolicyTimeout? = nil
    ) -> Self {
        cancelOn(type.eventName, if: expression, timeout: timeout)
    }

    /// Lets a later event of a name, or of any name that a wildcard covers, cancel the runs for which an expression is
    /// true; see ``cancelOn(_:if:timeout:)``.
    public func cancelOn(_ event: String, if expression: String, timeout: PolicyTimeout? = nil) -> Self {
        cancel(on: event, timeout) { _ throws(EventExpression.SyntaxError) in
            let expression = try EventExpression(expression, scope: .match)
            var match = try expression.match()
            if !expression.root.mentions(.event) {
                match.warnings.append(
                    "the expression says nothing of event, so whatever it is true for cancels every run of the function"
                )
            }
            return match
        }
    }

    /// Lets every later event of a kind cancel every run of the function.
    ///
    /// - Parameters:
    ///   - type: The data of the cancelling event.
    ///   - matchAll: `true`; it is there so that nobody cancels everything by having forgotten something.
    ///   - timeout: When it stops listening; as long as the run lives when nil.
    public func cancelOn<Other: EventData>(
        _ type: Other.Type, matchAll: Bool, timeout: PolicyTimeout? = nil
    ) -> Self {
        cancelOn(type.eventName, matchAll: matchAll, timeout: timeout)
    }

    /// Lets every later event of a name, or of any name that a wildcard covers, cancel every run of the function; see
    /// ``cancelOn(_:matchAll:timeout:)``.
    public func cancelOn(_ event: String, matchAll: Bool, timeout: PolicyTimeout? = nil) -> Self {
        guard matchAll else {
            return with {
                $0.problems.append(
                    "cancelOn \"\(event)\": matchAll: false matches nothing; write match: or if:, or remove it")
            }
        }
        return cancel(on: event, timeout) { _ throws(FieldPath.SyntaxError) in .all }
    }

    private func cancel<Failure: Error & CustomStringConvertible>(
        on event: String, _ timeout: PolicyTimeout?, _ match: (FieldPathProbe.Type) throws(Failure) -> Match
    ) -> Self {
        with { function in
            if let problem = timeout?.problem { function.problems.append("cancelOn \"\(event)\": \(problem)") }
            do {
                let policy = CancelPolicy(event: event, match: try match(FieldPathProbe.self), timeout: timeout)
                if !function.cancelPolicies.contains(policy) { function.cancelPolicies.append(policy) }
            } catch {
                let text = (error as? EventExpression.SyntaxError)?.summary ?? "\(error)"
                function.problems.append("cancelOn \"\(event)\": \(text)")
            }
        }
    }
}
