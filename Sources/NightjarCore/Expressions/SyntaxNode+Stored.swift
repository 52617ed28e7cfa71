extension SyntaxNode {
    /// The form in which the database evaluates it: an array of an operator and its operands.
    package var stored: JSON {
        switch content {
        case .literal(let value): .array(["lit", value])
        case .path(let root, let elements): .array([.string(root.rawValue)] + elements.map { .string($0) })
        case .at(let base, let key): .array(["at", base.stored, key.stored])
        case .field(let base, let name): .array(["field", base.stored, .string(name)])
        case .list(let elements): .array(["list"] + elements.map(\.stored))
        case .not(let operand): .array(["!", operand.stored])
        case .negative(let operand): .array(["neg", operand.stored])
        case .and(let operands): .array(["&&"] + operands.map(\.stored))
        case .or(let operands): .array(["||"] + operands.map(\.stored))
        case .binary(let symbol, let left, let right):
            .array([.string(symbol.rawValue), left.stored, right.stored])
        case .has(let path): .array(["has", path.stored])
        case .size(let operand): .array(["size", operand.stored])
        }
    }
}
