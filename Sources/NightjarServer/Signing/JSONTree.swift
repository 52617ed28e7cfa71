/// JSON as it was written: its values keep their own text, so that what passes through here is not rounded.
package struct JSONTree: Sendable {
    let bytes: [UInt8]
    let root: Node

    /// A value, with the place of its text.
    indirect enum Node: Sendable {
        case null(Range<Int>)
        case bool(Bool, Range<Int>)
        case number(Range<Int>)
        case string(Range<Int>)
        case array([Node], Range<Int>)
        /// In the order in which they were written; of members with the same key the last one counts.
        case object([(key: String, value: Node)], Range<Int>)

        var range: Range<Int> {
            switch self {
            case .null(let range), .bool(_, let range), .number(let range), .string(let range), .array(_, let range),
                .object(_, let range):
                range
            }
        }
    }

    /// Why a text is no JSON.
    struct SyntaxError: Error, Hashable, CustomStringConvertible {
        /// Counted in bytes from 0.
        let position: Int
        let reason: String

        var description: String { "byte \(position): \(reason)" }
    }

    /// Reads JSON text in UTF-8.
    init(_ bytes: [UInt8]) throws(SyntaxError) {
        var parser = JSONTreeParser(bytes)
        root = try parser.parse()
        self.bytes = bytes
    }

    /// The whole of it.
    var value: JSONValue { JSONValue(tree: self, node: root) }
}

/// A value of a ``JSONTree``.
struct JSONValue: Sendable {
    fileprivate let tree: JSONTree
    let node: JSONTree.Node

    fileprivate init(tree: JSONTree, node: JSONTree.Node) {
        self.tree = tree
        self.node = node
    }

    /// Reads JSON text.
    init(_ text: String) throws(JSONTree.SyntaxError) {
        self = try JSONTree(Array(text.utf8)).value
    }

    /// The text that the value is part of.
    var allBytes: [UInt8] { tree.bytes }

    /// The value's own text.
    var bytes: ArraySlice<UInt8> { tree.bytes[node.range] }

    /// The value's own text.
    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The member of an object; nil when there is none, or when it is null.
    subscript(_ key: String) -> JSONValue? {
        guard let member = member(key), !member.isNull else { return nil }
        return member
    }

    /// The member of an object, null included.
    func member(_ key: String) -> JSONValue? {
        guard case .object(let members, _) = node, let member = members.last(where: { $0.key == key }) else {
            return nil
        }
        return JSONValue(tree: tree, node: member.value)
    }

    /// The members of an object in order; each key once.
    var members: [(key: String, value: JSONValue)]? {
        guard case .object(let members, _) = node else { return nil }
        return JSONTree.unique(members).map { ($0.key, JSONValue(tree: tree, node: $0.value)) }
    }

    var elements: [JSONValue]? {
        guard case .array(let elements, _) = node else { return nil }
        return elements.map { JSONValue(tree: tree, node: $0) }
    }

    var string: String? {
        guard case .string(let range) = node else { return nil }
        return JSONStringText.decode(tree.bytes[range])
    }

    var bool: Bool? { if case .bool(let value, _) = node { value } else { nil } }

    var number: Double? {
        guard case .number = node else { return nil }
        return Double(text)
    }

    var integer: Int? {
        guard case .number = node else { return nil }
        return Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
    }

    var isNull: Bool { if case .null = node { true } else { false } }
}

extension JSONTree {
    /// The members that count.
    static func unique(_ members: [(key: String, value: Node)]) -> [(key: String, value: Node)] {
        var places: [String: Int] = [:]
        for (place, member) in members.enumerated() { places[member.key] = place }
        guard places.count < members.count else { return members }
        return members.enumerated().filter { places[$1.key] == $0 }.map(\.element)
    }
}
