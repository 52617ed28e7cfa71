extension Function {
    /// Lets some runs begin before others of the same tenant that wait in the app's queue.
    ///
    /// Runs of one priority begin in the order of their events. Priorities order a queue; where none forms they change nothing,
    /// and they do not change how much tenants get beside each other. What was begun is never interrupted.
    ///
    /// - Parameter expression: A number over the event that starts the run, in a subset of CEL, such as `event.data.urgency` or
    ///   `event.data.plan == "enterprise"`, or `event.data.plan == "enterprise" ? 1 : 0`. More than 0, or true: the run begins before those that have none; while both
    ///   kinds wait, about every second place is left to the others, so that nobody starves. Less than 0: it waits about
    ///   twice as long. 0, false, missing, or anything else: none.
    public func priority(_ expression: String) -> Self {
        with {
            do throws(EventExpression.SyntaxError) {
                $0.priority = try PriorityExpression(expression)
            } catch {
                $0.problems.append("priority: \(error)")
            }
        }
    }

    /// Lets all runs of the function begin before, or after, those of the app's other functions; see ``priority(_:)-(String)``.
    ///
    /// - Parameter value: More than 0: before; less: after.
    public func priority(_ value: Int) -> Self { priority("\(value)") }
}
