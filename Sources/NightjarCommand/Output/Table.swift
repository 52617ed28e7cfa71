/// Rows in aligned columns.
struct Table {
    enum Alignment {
        case left, right
    }

    struct Column: ExpressibleByStringLiteral {
        var title: String
        var alignment = Alignment.left
        /// What is longer is cut; nil: never.
        var limit: Int?

        init(_ title: String, _ alignment: Alignment = .left, limit: Int? = nil) {
            self.title = title
            self.alignment = alignment
            self.limit = limit
        }

        init(stringLiteral title: String) { self.init(title) }
    }

    struct Cell: ExpressibleByStringInterpolation {
        var text: String
        var color: Style.Color?

        init(_ text: String, _ color: Style.Color? = nil) {
            self.text = text
            self.color = color
        }

        init(stringLiteral text: String) { self.init(text) }
    }

    var columns: [Column]
    var rows: [[Cell]] = []

    init(_ columns: Column...) {
        self.columns = columns
    }

    /// The lines, with a line of titles above them; without trailing blanks.
    func lines(style: Style) -> [String] {
        let titles = columns.map { Cell($0.title, .dim) }
        let shown = ([titles] + rows).map { row in
            zip(columns, row).map { Cell(PlainText.line($1.text, limit: $0.limit), $1.color) }
        }
        let widths = columns.indices.map { index in shown.map { $0[index].text.count }.max() ?? 0 }
        return shown.map { row in line(row, widths, style) }
    }

    private func line(_ row: [Cell], _ widths: [Int], _ style: Style) -> String {
        var line = ""
        var blanks = 0
        for (index, cell) in row.enumerated() {
            let padding = widths[index] - cell.text.count
            if columns[index].alignment == .right { blanks += padding }
            if !cell.text.isEmpty {
                line += String(repeating: " ", count: blanks) + style.paint(cell.text, cell.color)
                blanks = 0
            }
            if columns[index].alignment == .left { blanks += padding }
            blanks += 2
        }
        return line
    }
}
