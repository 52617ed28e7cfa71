extension Function {
    /// Lets a later event cancel the runs whose own event has the same value in a field.
    ///
    /// The cancelling type must have a field at the same JSON path; a missing field matches nothing.
    ///
    /// - Parameters:
    ///   - type: The data of the cancelling event. The function's own trigger makes a newer run replace older ones.
    ///   - field: The field to compare; found in the JSON by way of the type's coding keys.
    public func cancelOn<Other: EventData, Value: Equatable>(
        _ type: Other.Type, match field: KeyPath<Payload, Value>
    ) -> Self {
        cancel(on: type.eventName) { probes throws(FieldPathProbe.Failure) in
            let path = try probes.path(of: field)
            try FieldPathProbe.require(path, in: type)
            return (path, path)
        }
    }

    /// Lets a later event cancel the runs whose own event has, in one field, the value that it has in another.
    ///
    /// - Parameters:
    ///   - type: The data of the cancelling event.
    ///   - field: The field of the run's own event.
    ///   - otherField: The field of the cancelling event.
    public func cancelOn<Other: EventData, Value: Equatable>(
        _ type: Other.Type, match field: KeyPath<Payload, Value>, with otherField: KeyPath<Other, Value>
    ) -> Self {
        cancel(on: type.eventName) { probes throws(FieldPathProbe.Failure) in
            (try probes.path(of: field), try FieldPathProbe.path(of: otherField))
        }
    }

    /// Lets a later event cancel the runs whose own event has the same value at a path.
    ///
    /// - Parameters:
    ///   - type: The data of the cancelling event.
    ///   - path: The path in both events, such as `data.post_id` or `data["a-b"].items[0]`.
    public func cancelOn<Other: EventData>(_ type: Other.Type, match path: String) -> Self {
        cancelOn(type.eventName, match: path, with: path)
    }

    /// Lets a later event cancel the runs whose own event has, at one path, the value that it has at another.
    public func cancelOn<Other: EventData>(_ type: Other.Type, match path: String, with otherPath: String) -> Self {
        cancelOn(type.eventName, match: path, with: otherPath)
    }

    /// Lets a later event of a name, or of any name that a wildcard covers, cancel runs by the same path in both.
    public func cancelOn(_ event: String, match path: String) -> Self {
        cancelOn(event, match: path, with: path)
    }

    /// Lets a later event of a name, or of any name that a wildcard covers, cancel runs.
    ///
    /// - Parameters:
    ///   - event: The name of the cancelling event, such as `blog/post.deleted` or `blog/*`.
    ///   - path: The path in the run's own event, such as `data.postID`.
    ///   - otherPath: The path in the cancelling event.
    public func cancelOn(_ event: String, match path: String, with otherPath: String) -> Self {
        cancel(on: event) { _ throws(FieldPath.SyntaxError) in (try FieldPath(path), try FieldPath(otherPath)) }
    }

    private func cancel<Failure: Error & CustomStringConvertible>(
        on event: String, _ paths: (FieldPathProbe.Type) throws(Failure) -> (FieldPath, FieldPath)
    ) -> Self {
        with { function in
            do {
                let (path, otherPath) = try paths(FieldPathProbe.self)
                function.cancelPolicies.append(
                    CancelPolicy(event: event, triggerPath: path.elements, eventPath: otherPath.elements))
            } catch {
                function.problems.append("cancelOn \"\(event)\": \(error)")
            }
        }
    }
}
