internal import Nightjar
internal import NightjarCore

/// Expressions of what an app registers.
enum ConfigExpression {
    /// Reads an expression over the event that starts a run.
    static func read(_ text: String, at field: String) throws(SyncProblem) -> EventExpression {
        do { return try EventExpression(text, scope: .filter) } catch { throw problem(error, at: field) }
    }

    /// The stored form of a member that is an expression; nil when there is none.
    static func stored(_ name: String, of fields: ConfigFields) throws(SyncProblem) -> JSON? {
        guard let text = try fields.text(name) else { return nil }
        return try read(text, at: fields.place(name)).root.stored
    }

    static func problem(_ error: EventExpression.SyntaxError, at field: String) -> SyncProblem {
        SyncProblem(.configInvalid, field, "expression, \(error.summary)", position: error.position)
    }
}
