/// One comparison that the match index makes: something of the new event with something of the run's own event.
struct MatchPart: Sendable, Hashable {
    var event: Side
    var trigger: Side

    enum Side: Sendable, Hashable {
        /// The field at a path.
        case path([String])
        /// The elements of the array, or the keys of the object, at a path, each for itself.
        case each([String])
        /// A value that is written out.
        case value(JSON)

        /// What stands for it in a tuple: the same text for the same thing.
        var text: String {
            switch self {
            case .path(let elements): MatchPart.text(.array(elements.map { .string($0) }))
            case .each(let elements): MatchPart.text(["each": .array(elements.map { .string($0) })])
            case .value(let value): MatchPart.text(["is": value])
            }
        }

        var isEach: Bool {
            if case .each = self { true } else { false }
        }
    }

    /// What orders the parts of a tuple: by the new event's side.
    var text: String { event.text + trigger.text }

    /// Whether it distinguishes between runs.
    var relatesRun: Bool {
        if case .value = trigger { false } else { true }
    }

    /// Writes a value without spaces, with the keys of objects in order.
    static func text(_ value: JSON) -> String {
        // Only a number that JSON cannot hold could fail, and no text of an expression has one.
        (try? JSONCoding.canonicalText(value)) ?? "null"
    }
}

extension MatchPart {
    /// Reads the comparison that a conjunct makes, nil when it makes none that the index could look up.
    init?(_ node: SyntaxNode) {
        switch node.content {
        case .path(.async, let path):
            self.init(event: .path(path), trigger: .value(true))
        case .binary(.equal, let left, let right):
            guard let part = Self(left, equals: right) ?? Self(right, equals: left) else { return nil }
            self = part
        case .binary(.isIn, let element, let list):
            if case .path(.async, let path) = element.content, case .path(.event, let other) = list.content {
                self.init(event: .path(path), trigger: .each(other))
            } else if case .path(.async, let path) = list.content, let trigger = Self.side(element) {
                self.init(event: .each(path), trigger: trigger)
            } else {
                return nil
            }
        default:
            return nil
        }
    }

    private init?(_ node: SyntaxNode, equals other: SyntaxNode) {
        guard case .path(.async, let path) = node.content, let trigger = Self.side(other) else { return nil }
        self.init(event: .path(path), trigger: trigger)
    }

    private static func side(_ node: SyntaxNode) -> Side? {
        if case .path(.event, let path) = node.content { return .path(path) }
        return node.constant.map(Side.value)
    }
}
