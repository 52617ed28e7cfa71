package import Foundation
internal import NightjarCore
internal import PostgresClient

/// What a ``NamedReport`` says.
package struct ReportTable: Sendable {
    /// What a column holds.
    package enum Kind: Sendable {
        case text, number, boolean, moment
        /// A number of seconds.
        case duration
    }

    package struct Column: Sendable {
        package var name: String
        package var kind: Kind
    }

    package var columns: [Column]
    /// Texts as PostgreSQL writes them, moments in RFC 3339; nil is null.
    package var rows: [[String?]]

    init(_ rows: PostgresRows) throws {
        columns = zip(rows.columns, rows.typeNames).map { Column(name: $0, kind: Self.kind(of: $1, name: $0)) }
        self.rows = try rows.map { [columns] row in
            try columns.indices.map { index in
                guard columns[index].kind == .moment else { return try row.decode(index, as: String?.self) }
                return try row.decode(index, as: Date?.self).map(Self.text)
            }
        }
    }

    private static func kind(of type: String, name: String) -> Kind {
        switch type {
        case "timestamptz": .moment
        case "boolean": .boolean
        case "bigint", "integer", "smallint", "numeric", "double precision", "real":
            name.hasSuffix("_seconds") ? .duration : .number
        default: .text
        }
    }

    private static func text(of date: Date) throws -> String {
        try JSONDecoder().decode(String.self, from: JSONCoding.encoder().encode(date))
    }
}

extension Reports {
    /// Asks a report. Null in every cell that says nothing.
    /// - Parameter now: from where its time is counted back.
    package func table(_ report: NamedReport, _ filter: ReportFilter, now: Date = Date()) async throws -> ReportTable {
        try await session.run { db in
            try db.transaction(readOnly: true) { db in
                // To compile a query over so many partitions takes longer than to answer it; and what is sorted is not much.
                try db.script("SET LOCAL jit = off; SET LOCAL work_mem = '32MB'")
                let table = try ReportTable(try db.query(report.statement.sql, filter.values(for: report, now: now)))
                if table.rows.isEmpty { try filter.check(db) }
                return table
            }
        }
    }
}

extension ReportFilter {
    /// Throws when what is named does not exist: an empty table would seem to say that all is quiet.
    fileprivate func check(_ db: PostgresConnection) throws {
        let rows = try db.query(Statement.listingNames.sql)
        for (kind, name, column) in [("tenant", tenant, 0), ("app", app, 1), ("function", function, 2)] {
            guard let name else { continue }
            let known = try Set(rows.map { try $0.decode(column, as: String.self) }).sorted()
            // Of so many not all are read.
            guard !known.contains(name), rows.count < 1_000 else { continue }
            let list = known.isEmpty ? "there is none" : "there are: \(known.prefix(50).joined(separator: ", "))"
            throw NightjarError(.unknownFunction, "there is no \(kind) \"\(name)\"; \(list)")
        }
    }
}
