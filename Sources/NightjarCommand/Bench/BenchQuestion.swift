import Foundation
import Nightjar

/// Something that is asked in SQL.
struct BenchQuestion: Sendable {
    /// In words; its figures' names are made of it.
    var name: String
    var sql: String

    /// In snake case.
    static func key(_ name: String) -> String {
        name.lowercased().split { !$0.isLetter && !$0.isNumber }.joined(separator: "_")
    }

    /// The questions of a document: under each heading of the third degree the first SQL.
    static func cookbook(_ path: String, function: String) throws -> [BenchQuestion] {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw CommandError(.usage, "\(path) cannot be read; --cookbook takes a document such as docs/reports.md")
        }
        let questions = text.components(separatedBy: "\n### ").dropFirst().compactMap { section -> BenchQuestion? in
            let parts = section.components(separatedBy: "```sql\n")
            guard parts.count > 1, let sql = parts[1].components(separatedBy: "```").first else { return nil }
            return BenchQuestion(
                name: "cookbook \(section.prefix { $0 != "\n" })",
                sql: sql.replacingOccurrences(of: "'publish-post'", with: "'\(function)'"))
        }
        guard !questions.isEmpty else {
            throw CommandError(.usage, "\(path) has no questions: \"### …\", and below it \"```sql\"")
        }
        return questions
    }
}
