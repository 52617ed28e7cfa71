import ArgumentParser

/// `nightjar bench`
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure this machine: ingest, throughput, latencies, what an idle worker and a cancel cost.",
        discussion: """
            Each scenario works in a database that it makes for itself, and drops at the end: on a temporary server with \
            fsync on, or with --database on yours. Compare figures of one run only; \
            on a shared machine others are noise. Where there is a column "reference", raw SQL wrote the same rows in as \
            many commits in the same run, and "share" is ours by that.

            EXAMPLES
              nightjar bench ingest
              nightjar bench throughput --runs 20000
              nightjar bench throughput --all
              nightjar bench latency
              nightjar bench idle --seconds 30
              nightjar bench cancel --many 1000000
            """,
        subcommands: [
            BenchIngest.self, BenchThroughput.self, BenchLatency.self, BenchIdle.self, BenchCancel.self,
            BenchSustained.self, BenchFair.self, BenchMemory.self, BenchReporting.self, BenchWorker.self,
        ])
}

/// What every scenario takes.
struct BenchOptions: ParsableArguments {
    @Option(help: "A server to use; the scenario makes a database there and drops it.")
    var database: String?

    @Flag(help: "Print one JSON document.")
    var json = false
}
