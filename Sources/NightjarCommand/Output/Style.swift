/// Colours of a terminal, or none.
struct Style {
    enum Color: Int {
        case bold = 1
        case dim = 2
        case red = 31
        case green = 32
        case yellow = 33
        case cyan = 36
    }

    var isColoured: Bool

    static let plain = Style(isColoured: false)

    func paint(_ text: String, _ color: Color?) -> String {
        guard isColoured, let color, !text.isEmpty else { return text }
        return "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m"
    }
}
