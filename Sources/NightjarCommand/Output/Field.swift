/// A named value on a line of its own.
enum Field {
    static func line(_ name: String, _ text: String, _ style: Style) -> String {
        "  " + style.paint(name.padding(to: 10), .dim) + PlainText.line(text)
    }
}
