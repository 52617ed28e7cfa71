import Foundation
import Nightjar

/// Reports for people, for spreadsheets and for scripts.
enum ReportText {
    /// The names, with a line each.
    static var list: [String] {
        let width = NamedReport.all.map(\.name.count).max() ?? 0
        return NamedReport.all.map { "  \($0.name.padding(to: width + 2))\($0.summary)" }
    }

    static func table(_ report: ReportTable) -> Table {
        let time = TimeText()
        var table = Table()
        table.columns = report.columns.map { column in
            let title = column.kind == .duration ? String(column.name.dropLast("_seconds".count)) : column.name
            let isNumber = column.kind == .number || column.kind == .duration
            return .init(
                title.replacing("_", with: " ").uppercased(), isNumber ? .right : .left, limit: 60)
        }
        table.rows = report.rows.map { row in
            zip(report.columns, row).map { column, text in
                Table.Cell(text.map { shown($0, column.kind, time) } ?? "")
            }
        }
        return table
    }

    private static func shown(_ text: String, _ kind: ReportTable.Kind, _ time: TimeText) -> String {
        switch kind {
        case .moment: Timestamp.date(from: text).map(time.moment) ?? text
        case .duration: Double(text).map(TimeText.duration) ?? text
        case .boolean: text == "t" ? "yes" : "no"
        case .text, .number: text
        }
    }

    /// As RFC 4180 has it; durations in seconds.
    static func csv(_ report: ReportTable) -> [String] {
        ([report.columns.map { $0.name }] + report.rows.map { $0.map { $0 ?? "" } }).map { row in
            row.map(quoted).joined(separator: ",")
        }
    }

    private static func quoted(_ text: String) -> String {
        guard text.contains(where: { ",\"\r\n".contains($0) || $0 == "\r\n" }) else { return text }
        return "\"\(text.replacing("\"", with: "\"\""))\""
    }

    /// An object a row.
    static func json(_ report: ReportTable) -> [JSON] {
        report.rows.map { row in
            .object(
                Dictionary(
                    uniqueKeysWithValues: zip(report.columns, row).map { column, text in
                        (column.name, text.map { value($0, column.kind) } ?? .null)
                    }))
        }
    }

    private static func value(_ text: String, _ kind: ReportTable.Kind) -> JSON {
        switch kind {
        case .text, .moment: .string(text)
        case .boolean: .bool(text == "t")
        case .number, .duration:
            Int64(text).map { .integer($0) } ?? Double(text).map { .number($0) } ?? .string(text)
        }
    }
}
