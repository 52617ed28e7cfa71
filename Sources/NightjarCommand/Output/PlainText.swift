/// Texts from elsewhere, made safe for a terminal.
enum PlainText {
    /// The text on one line: an event's name or an error's message must not move the cursor or change colours.
    static func line(_ text: String, limit: Int? = nil) -> String {
        var line = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": line += "↵"
            case "\t": line += " "
            default:
                switch scalar.properties.generalCategory {
                // Format characters too: some reverse the direction of what follows.
                case .control, .format, .lineSeparator, .paragraphSeparator: line += "\u{FFFD}"
                default: line.unicodeScalars.append(scalar)
                }
            }
        }
        guard let limit, line.count > limit else { return line }
        return line.prefix(max(limit - 1, 0)) + "…"
    }
}
