import ArgumentParser
import Nightjar

/// `nightjar migrate`
struct Migrate: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database's schema up to this build.",
        discussion: """
            Applies what is missing, in order, each migration in a transaction of its own. Any number of processes may \
            do so at once: one does the work, the others find it done. A schema that a newer build made is refused, and \
            so is a migration that was edited after it had been applied.

            EXAMPLES
              nightjar migrate --dry-run
              nightjar migrate --database postgres://owner@db.example.com/app
              nightjar migrate status
            """,
        subcommands: [MigrateStatus.self])

    @OptionGroup var options: DatabaseOptions

    @Flag(help: "Only say what would be applied. Changes nothing.")
    var dryRun = false

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let migrator = Migrator(try options.database().named("migrate"), logger: .quiet)
        let migrations: [(version: Int, name: String)]
        if dryRun {
            let state = try await migrator.state()
            try state.checkUsable()
            migrations = state.pending.map { ($0.version, $0.name) }
        } else {
            migrations = try await migrator.migrate().map { ($0.version, $0.name) }
        }
        if output.json {
            let list = migrations.map {
                JSON.object(["version": .integer(Int64($0.version)), "name": .string($0.name)])
            }
            try Output.json([dryRun ? "would_apply" : "applied": .array(list)])
        } else if migrations.isEmpty {
            Output.line(dryRun ? "Nothing to apply: the schema is up to date." : "The schema is up to date.")
        } else {
            for migration in migrations {
                Output.line("\(dryRun ? "Would apply" : "Applied") \(migration.version) \(migration.name)")
            }
        }
        return .success
    }
}
