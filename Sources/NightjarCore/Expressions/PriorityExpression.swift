/// What a function's priority is for an event: an ``EventExpression`` or, as Inngest's users write it, a choice of several:
/// `event.data.plan == "enterprise" ? 120 : 0`. Choices may be in the places of the two values, too.
package struct PriorityExpression: Sendable {
    /// The form in which `nightjar.priority_level` evaluates it.
    package let stored: JSON

    /// - Throws: What is not understood or not supported, and where.
    package init(_ text: String) throws(EventExpression.SyntaxError) {
        guard text.utf8.count <= EventExpression.limits.bytes else {
            stored = try EventExpression(text, scope: .filter).stored
            return
        }
        stored = try Self.read(text[...], depth: EventExpression.limits.depth)
    }

    private static func read(_ text: Substring, depth: Int) throws(EventExpression.SyntaxError) -> JSON {
        guard depth > 0, let choice = choice(in: text) else {
            return try EventExpression(String(text), scope: .filter).stored
        }
        return [
            "?", try EventExpression(String(choice.condition), scope: .filter).stored,
            try read(choice.yes, depth: depth - 1), try read(choice.no, depth: depth - 1),
        ]
    }

    /// The parts of a choice that is not inside of brackets or a string; nil if there is none.
    private static func choice(in text: Substring) -> (condition: Substring, yes: Substring, no: Substring)? {
        var quote: Character?
        var brackets = 0
        var first: Substring.Index?
        var open = 0
        var index = text.startIndex
        while index < text.endIndex {
            let character = text[index]
            switch character {
            case "\\" where quote != nil: index = text.index(after: index)
            case _ where quote != nil: if character == quote { quote = nil }
            case "\"", "'": quote = character
            case "(", "[", "{": brackets += 1
            case ")", "]", "}": brackets -= 1
            case "?" where brackets == 0:
                if first == nil { first = index }
                open += 1
            case ":" where brackets == 0:
                open -= 1
                if open == 0, let first {
                    return (text[..<first], text[text.index(after: first)..<index], text[text.index(after: index)...])
                }
            default: break
            }
            guard index < text.endIndex else { break }
            index = text.index(after: index)
        }
        return nil
    }
}
