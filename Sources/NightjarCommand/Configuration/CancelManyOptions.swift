import ArgumentParser
import Foundation

/// How many runs are cancelled.
struct CancelManyOptions: ParsableArguments {
    @Flag(help: "Only count and list the runs that would be cancelled. Changes nothing.")
    var dryRun = false

    @Option(help: "How many runs to list.")
    var limit = 20

    @Flag(help: "Also cancel runs that start while it is carried out.")
    var includeNew = false

    @Flag(help: "Do not ask.")
    var yes = false

    @Flag(help: "Do not wait: workers carry it out.")
    var detach = false

    @Option(
        help: ArgumentHelp("Carry out a request that was interrupted, from where it was.", valueName: "id"),
        transform: RunID.parse)
    var resume: UUID?

    @Option(help: ArgumentHelp("Interrupt a request.", valueName: "id"), transform: RunID.parse)
    var interrupt: UUID?
}
