/// A condition on events, in a subset of CEL: `async.data.postID == event.data.postID && async.data.size > 3`.
///
/// `event` is the event that started the run, `async` the new one. A field that an event lacks is *missing*, which is
/// not null, and so is what an operator makes of a missing operand or of types that it is not made for. Only a result of
/// `true` matches: a missing field matches nothing, whatever the operator.
package struct EventExpression: Sendable {
    /// Which events an expression may speak of.
    package enum Scope: Sendable {
        /// `event` and `async`: cancellation policies and waits.
        case match
        /// `event` alone: choosing among runs.
        case filter
    }

    /// What an expression may have at most: bytes of text, and levels of operators, parentheses and brackets.
    package static let limits = (bytes: 4096, depth: 64)

    /// The expression as its author wrote it.
    package let text: String
    /// What it says.
    package let root: SyntaxNode

    /// Reads the text of an expression.
    ///
    /// - Throws: What is not understood or not supported, and where.
    package init(_ text: String, scope: Scope) throws(SyntaxError) {
        guard text.utf8.count <= Self.limits.bytes else {
            throw SyntaxError(
                text: text, position: 1,
                reason: "the expression has \(text.utf8.count) bytes; the limit is \(Self.limits.bytes)")
        }
        var parser = ExpressionParser(text, scope: scope)
        self.text = text
        self.root = try parser.parse()
    }

    /// The form in which the database stores and evaluates it.
    package var stored: JSON { root.stored }

    /// Splits the expression into what the match index can look up and what is left to be evaluated.
    ///
    /// - Throws: An error when nothing can ever match.
    package func match() throws(SyntaxError) -> Match {
        var splitter = MatchSplitter()
        let branches = splitter.branches(of: root)
        guard !branches.isEmpty else {
            throw SyntaxError(
                text: text, position: splitter.refuted ?? root.position,
                reason: "the expression can never match, because this is never true")
        }
        return Match(text: "if \(text)", branches: branches, warnings: splitter.warnings)
    }
}
