import CAssets
import Foundation
import Testing

@testable import Nightjar

/// What is embedded is what lies in the folders: a file without its line in assets.c would be missing silently.
struct AssetTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private func files(_ folder: String) throws -> [String: String] {
        let folder = Self.root.appending(path: folder)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false))
        return try Dictionary(
            uniqueKeysWithValues: names.filter { $0.hasSuffix(".sql") }.map {
                (String($0.dropLast(4)), try String(contentsOf: folder.appending(path: $0), encoding: .utf8))
            })
    }

    @Test("Every migration is embedded, in order, and says which it is")
    func migrations() throws {
        let files = try files("migrations")
        #expect(Set(Migration.all.map { String(format: "%04d_", $0.version) + $0.name }) == Set(files.keys))
        #expect(Migration.all.map(\.version) == Array(1...Migration.all.count))
        for migration in Migration.all {
            #expect(migration.sql == files[String(format: "%04d_", migration.version) + migration.name])
            #expect(
                migration.sql.contains(
                    "INSERT INTO nightjar.migrations (version, name) VALUES (\(migration.version), '\(migration.name)');"
                ))
        }
    }

    @Test("Every statement is embedded")
    func statements() throws {
        let files = try files("Sources/CAssets/statements")
        let embedded = Dictionary(
            uniqueKeysWithValues: (0..<nightjar_statement_count()).map { index in
                let asset = nightjar_statement(index)
                return (String(cString: asset.name), String(cString: asset.text))
            })
        #expect(embedded == files)
        for statement in Statement.allCases { #expect(!statement.sql.isEmpty, "\(statement)") }
    }
}
