internal import Nightjar
internal import NightjarCore

/// Expressions of what an app registers.
enum ConfigExpression {
    /// Reads an expression over the event that starts a run.
    static func read(_ text: String, at field: String) throws(SyncProblem) -> EventExpression {
        do { return try EventExpression(text, scope: .filter) } catch { throw problem(error, at: field) }
    }

    static func problem(_ error: EventExpression.SyntaxError, at field: String) -> SyncProblem {
        SyncProblem(.expressionInvalid, field, "expression, \(error.summary)", position: error.position)
    }
}
