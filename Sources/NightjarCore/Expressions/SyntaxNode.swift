/// A part of an expression that has a value.
package struct SyntaxNode: Sendable, Hashable {
    /// What it is made of.
    package let content: Content
    /// Where it begins, counted in characters from 1.
    package let position: Int
    /// The levels of nodes from here downwards, at least 1.
    package let depth: Int

    /// The kinds of values and operations.
    package indirect enum Content: Sendable, Hashable {
        case literal(JSON)
        /// A field of an event, by the names from the event downwards.
        case path(Root, [String])
        /// What stands in a value at a key or index that is computed.
        case at(SyntaxNode, SyntaxNode)
        /// A field of a value that is no event.
        case field(SyntaxNode, String)
        case list([SyntaxNode])
        case not(SyntaxNode)
        case negative(SyntaxNode)
        case and([SyntaxNode])
        case or([SyntaxNode])
        case binary(Operator, SyntaxNode, SyntaxNode)
        case has(SyntaxNode)
        case size(SyntaxNode)
    }

    /// The events that paths begin at.
    package enum Root: String, Sendable, CaseIterable {
        /// The event that started the run.
        case event
        /// The new event.
        case async
    }

    /// The operations on two values; the text is what is stored.
    package enum Operator: String, Sendable, CaseIterable {
        case equal = "=="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case isIn = "in"
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"
        case remainder = "%"
        case startsWith
        case endsWith
        case contains
    }

    package init(_ content: Content, position: Int) {
        self.content = content
        self.position = position
        self.depth = 1 + (content.operands.map(\.depth).max() ?? 0)
    }

    /// Says whether a field of this event is part of the value.
    package func mentions(_ root: Root) -> Bool {
        if case .path(root, _) = content { return true }
        return content.operands.contains { $0.mentions(root) }
    }

    /// The value, if it is written out: a literal, or a list of such.
    package var constant: JSON? {
        switch content {
        case .literal(let value):
            return value
        case .list(let elements):
            let values = elements.compactMap(\.constant)
            return values.count == elements.count ? .array(values) : nil
        default:
            return nil
        }
    }
}

extension SyntaxNode.Content {
    /// The nodes directly below.
    package var operands: [SyntaxNode] {
        switch self {
        case .literal, .path: []
        case .field(let node, _), .not(let node), .negative(let node), .has(let node), .size(let node): [node]
        case .at(let left, let right), .binary(_, let left, let right): [left, right]
        case .list(let nodes), .and(let nodes), .or(let nodes): nodes
        }
    }
}
