import ArgumentParser
import Nightjar

/// The program `nightjar`.
@main
struct NightjarProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nightjar",
        abstract: "Durable, event-driven functions on PostgreSQL.",
        discussion: """
            An event starts runs of the functions that listen to its name. A run is a sequence of recorded steps, sleeps \
            and waits; another event cancels it, if a policy of the function says so, and so can you. All of it lives in the schema \
            "nightjar" of one PostgreSQL database, which this program sets up, looks into and examines. Your functions \
            run in workers of your own.

            EXAMPLES
              nightjar dev
              nightjar send blog/post.cancelled '{"postID": "p1"}'
              nightjar runs --status sleeping
              nightjar run 0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58
              nightjar cancel --function publish-post --status sleeping --dry-run
              nightjar report failures --since 1d

            DATABASE
              The first of these that is there counts:
              1. --database URL
              2. NIGHTJAR_DATABASE_URL, DATABASE_URL, or PGHOST and the other PG*
              3. "database" in ./nightjar.json, or in the file of --config
              4. the server of 'nightjar dev', here or in a directory above

            EXIT STATUS
            \(ExitStatus.help)
            """,
        subcommands: [
            Dev.self, Serve.self, Work.self, Keys.self, TenantCommand.self, Migrate.self,
            Send.self, Preview.self, Events.self, Runs.self, ShowRun.self,
            Cancel.self, Cancellations.self, Reschedule.self, Rerun.self,
            Report.self, Retain.self, Erase.self, Examine.self, Bench.self,
        ])
}
