import Nightjar

/// One measurement of one way of sending, and of the reference.
struct IngestResult: Sendable {
    var load: BenchLoad
    var perCommit: Double
    var reference: BenchCeiling.Result

    /// The medians, as figures.
    static func figures(_ name: String, _ results: [IngestResult]) -> [BenchFigure] {
        func call(_ share: Double) -> Double? { median(results.compactMap { $0.load.calls.value(share) }) }
        return [
            BenchFigure(
                "\(name)_events_per_second", median(results.map(\.load.eventsPerSecond)),
                reference: median(results.map(\.reference.perSecond))),
            BenchFigure("\(name)_events_per_commit", median(results.map(\.perCommit))),
            BenchFigure("\(name)_call_ms_p50", call(0.5)), BenchFigure("\(name)_call_ms_p99", call(0.99)),
        ]
            + BenchCost.figures(
                "\(name)_", results.compactMap { result in result.load.cost.map { ($0, result.load.events) } },
                references: results.map { ($0.reference.cost, $0.reference.count) }, client: "client", per: "event")
    }
}
