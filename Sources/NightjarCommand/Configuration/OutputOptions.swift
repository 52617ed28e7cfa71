import ArgumentParser

/// How a subcommand answers.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON for scripts: one document, or for lists a line each.")
    var json = false
}
