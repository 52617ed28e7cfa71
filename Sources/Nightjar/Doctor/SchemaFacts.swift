internal import PostgresClient

/// Whether the schema is this build's.
enum SchemaFacts {
    static func read(_ db: PostgresConnection) throws -> Finding {
        finding(try Migrator.state(db, Migration.all))
    }

    static func finding(_ state: SchemaState) -> Finding {
        do { try state.checkUsable() } catch {
            return .problem("schema", error.message, do: "run the build that made the schema, or restore the file")
        }
        let applied = state.lines.filter { $0.standing == .applied }
        if applied.isEmpty {
            return .problem("schema", "the database has no schema nightjar", do: "run 'nightjar migrate'")
        }
        guard state.pending.isEmpty else {
            let names = state.pending.map { "\($0.version) \($0.name)" }.joined(separator: ", ")
            return .problem("schema", "migrations are missing: \(names)", do: "run 'nightjar migrate'")
        }
        return .ok("schema", "all \(applied.count) migrations of this build are applied")
    }
}
