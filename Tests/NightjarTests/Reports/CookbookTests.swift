import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

/// What docs/reports.md says can be asked, can be asked.
struct CookbookTests {
    struct Recipe: Sendable, CustomStringConvertible {
        var question: String
        var sql: String
        var description: String { question }
    }

    /// The questions of the cookbook, each with the query below it.
    static func recipes() throws -> [Recipe] {
        let text = try Repository.text("docs/reports.md")
        return text.components(separatedBy: "\n### ").dropFirst().compactMap { section in
            let parts = section.components(separatedBy: "```sql\n")
            guard parts.count > 1, let sql = parts[1].components(separatedBy: "```").first else { return nil }
            return Recipe(question: String(section.prefix { $0 != "\n" }), sql: sql)
        }
    }

    @Test("Every query of the cookbook runs, over data of every kind; every section has one")
    func recipes() async throws {
        let recipes = try Self.recipes()
        #expect(recipes.count >= 20)
        let sections = try Repository.text("docs/reports.md").components(separatedBy: "\n### ").count - 1
        #expect(sections == recipes.count)
        try await TestDatabase.with { database in
            let probe = try await ReportData.make(in: database)
            for recipe in recipes {
                await #expect(throws: Never.self, "\(recipe)") {
                    _ = try await probe.reporting { db in try db.query(recipe.sql).count }
                }
            }
        }
    }

    @Test("Every report of the command reads a list that the database has, with its columns' kinds")
    func reports() async throws {
        try await TestDatabase.with { database in
            _ = try await ReportData.make(in: database)
            let reports = Reports(database: database.configuration, logger: .silent)
            for report in NamedReport.all {
                let table = try await reports.table(report, ReportFilter())
                #expect(!table.columns.isEmpty, "\(report.name)")
                for column in table.columns {
                    #expect(column.name.hasSuffix("_seconds") == (column.kind == .duration), "\(report.name) \(column)")
                    #expect(
                        (column.name.hasSuffix("_at") || column.name == "at") == (column.kind == .moment),
                        "\(report.name) \(column)")
                }
            }
            await reports.close()
        }
    }
}
