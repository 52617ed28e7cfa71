package import NightjarCore

extension SyntaxNode {
    /// Reads the stored form; nil when it is none.
    package init?(stored: JSON) {
        guard let parts = stored.array, let name = parts.first?.string else { return nil }
        let operands = Array(parts.dropFirst())
        func node(_ index: Int) -> SyntaxNode? {
            operands.indices.contains(index) ? SyntaxNode(stored: operands[index]) : nil
        }
        guard let content = Self.content(name, operands, node) else { return nil }
        self.init(content, position: 1)
    }

    private static func content(
        _ name: String, _ operands: [JSON], _ node: (Int) -> SyntaxNode?
    ) -> Content? {
        let nodes = operands.indices.compactMap(node)
        switch name {
        case "lit": return operands.first.map(Content.literal)
        case "event", "async": return Root(rawValue: name).map { .path($0, operands.compactMap(\.string)) }
        case "field":
            guard let base = node(0), let name = operands.last?.string else { return nil }
            return .field(base, name)
        case "list": return .list(nodes)
        case "&&": return .and(nodes)
        case "||": return .or(nodes)
        case "!": return node(0).map(Content.not)
        case "neg": return node(0).map(Content.negative)
        case "has": return node(0).map(Content.has)
        case "size": return node(0).map(Content.size)
        case "at":
            guard nodes.count == 2 else { return nil }
            return .at(nodes[0], nodes[1])
        default:
            guard nodes.count == 2, let symbol = Operator(rawValue: name) else { return nil }
            return .binary(symbol, nodes[0], nodes[1])
        }
    }
}
