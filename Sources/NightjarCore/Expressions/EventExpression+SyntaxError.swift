extension EventExpression {
    /// What is wrong with the text of an expression.
    package struct SyntaxError: Error, Hashable, CustomStringConvertible {
        /// The whole expression.
        package let text: String
        /// Where, counted in characters from 1; one beyond the last when something is missing at the end.
        package let position: Int
        /// What is wrong and, where there is one, the remedy.
        package let reason: String

        /// The error in one line, with the place in its surroundings.
        package var summary: String {
            let excerpt = excerpt.text
            return "character \(position)\(excerpt.isEmpty ? "" : " of \"\(excerpt)\""): \(reason)"
        }

        /// The error, the line it is about and a mark below the place.
        package var description: String {
            let (text, column) = excerpt
            let message = "expression, character \(position): \(reason)"
            guard !text.isEmpty else { return message }
            return "\(message)\n  \(text)\n  \(String(repeating: " ", count: column))^"
        }

        // Expressions may be long and may have several lines: what surrounds the place is enough.
        private var excerpt: (text: String, column: Int) {
            let characters = Array(text)
            let place = min(max(position - 1, 0), characters.count)
            var start = place
            while start > 0, !characters[start - 1].isNewline, place - start < 40 { start -= 1 }
            var end = place
            while end < characters.count, !characters[end].isNewline, end - place < 40 { end += 1 }
            func isCut(_ index: Int) -> Bool { characters.indices.contains(index) && !characters[index].isNewline }
            let (before, after) = (isCut(start - 1) ? "…" : "", isCut(end) ? "…" : "")
            let text = before + ErrorText.printable(String(characters[start..<end])) + after
            return (text, place - start + before.count)
        }
    }
}
