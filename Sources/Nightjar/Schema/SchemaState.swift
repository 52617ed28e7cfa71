public import Foundation

/// What a database holds of Nightjar's schema, compared with the migrations of this build. Pure: no database.
public struct SchemaState: Sendable {
    /// A row of `nightjar.migrations`.
    public struct Applied: Sendable, Hashable {
        /// The migration's number.
        public var version: Int
        /// Its name.
        public var name: String
        /// SHA-256 of the text that was applied, in hex; nil when plain `psql` applied it.
        public var checksum: String?
        /// When it was applied.
        public var appliedAt: Date

        /// Creates a row.
        public init(version: Int, name: String, checksum: String?, appliedAt: Date) {
            self.version = version
            self.name = name
            self.checksum = checksum
            self.appliedAt = appliedAt
        }
    }

    /// One migration, as it stands.
    public struct Line: Sendable {
        /// Where a migration stands.
        public enum Standing: String, Sendable {
            /// In the database, with this build's text.
            case applied
            /// Not in the database yet.
            case pending
            /// In the database with another text: somebody edited a frozen file.
            case edited
            /// In the database and not in this build: a newer build made it.
            case unknown
        }
        /// The migration's number.
        public var version: Int
        /// Its name.
        public var name: String
        /// Where it stands.
        public var standing: Standing
        /// When it was applied; nil while it is pending.
        public var appliedAt: Date?
    }

    /// All migrations that the database or this build knows, by number.
    public let lines: [Line]

    /// Compares what is applied with what this build has.
    /// - Parameters:
    ///   - applied: the rows of `nightjar.migrations`; empty when there is no schema.
    ///   - known: this build's migrations with their checksums.
    public init(applied: [Applied], known: [(migration: Migration, checksum: String)]) {
        let appliedByVersion = Dictionary(applied.map { ($0.version, $0) }) { first, _ in first }
        var lines = known.map { migration, checksum in
            guard let row = appliedByVersion[migration.version] else {
                return Line(version: migration.version, name: migration.name, standing: .pending)
            }
            let same = row.checksum == nil || row.checksum == checksum
            return Line(
                version: row.version, name: migration.name, standing: same ? .applied : .edited,
                appliedAt: row.appliedAt)
        }
        let knownVersions = Set(known.map(\.migration.version))
        lines += applied.filter { !knownVersions.contains($0.version) }.map {
            Line(version: $0.version, name: $0.name, standing: .unknown, appliedAt: $0.appliedAt)
        }
        self.lines = lines.sorted { $0.version < $1.version }
    }

    /// The database has no Nightjar schema at all.
    public var isEmpty: Bool { lines.allSatisfy { $0.standing == .pending } }

    /// The migrations still to be applied.
    public var pending: [Line] { lines.filter { $0.standing == .pending } }

    /// Throws when this build must not touch the database: a newer build's schema, or an edited migration.
    public func checkUsable() throws(NightjarError) {
        if let line = lines.first(where: { $0.standing == .unknown }) {
            throw NightjarError(
                .schemaTooNew,
                "the database has migration \(line.version) (\(line.name)), which this build does not know: "
                    + "a newer Nightjar made it. Run that version, or a newer one.")
        }
        if let line = lines.first(where: { $0.standing == .edited }) {
            throw NightjarError(
                .migrationEdited,
                "migration \(line.version) (\(line.name)) was applied with another text than this build's. Migrations are "
                    + "frozen: restore the file, and put the change into a new one.")
        }
    }

    /// Throws unless the schema is exactly what this build needs.
    public func checkCurrent() throws(NightjarError) {
        try checkUsable()
        guard let first = pending.first else { return }
        if isEmpty {
            throw NightjarError(.schemaMissing, "the database has no Nightjar schema. Run `nightjar migrate`.")
        }
        throw NightjarError(
            .schemaOutdated,
            "the database lacks migration \(first.version) (\(first.name)). Run `nightjar migrate`.")
    }
}
