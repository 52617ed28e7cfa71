/// What a metric of ours means.
package struct MetricDescription: Sendable {
    /// Who measures it.
    package enum Source: String, Sendable, CaseIterable {
        /// A process that executes runs.
        case worker
        /// A process that serves HTTP.
        case server
        /// The database, whoever asks it.
        case database
        /// Whatever has the endpoint.
        case endpoint
    }

    package var name: String
    /// `counter`, `gauge` or `histogram`.
    package var kind: String { type.rawValue }
    package var labels: [String]
    package var help: String
    package var source: Source
    let type: MetricFamily.Kind

    init(_ name: String, _ type: MetricFamily.Kind, _ labels: [String], _ source: Source, _ help: String) {
        self.name = name
        self.type = type
        self.labels = labels
        self.source = source
        self.help = help
    }

    /// Its numbers, each with the values of its labels in their order; an empty value is left out.
    func family(_ samples: [(value: Double, labels: [String])]) -> MetricFamily {
        var family = MetricFamily(name: name, kind: type, help: help)
        for sample in samples {
            family.add(sample.value, [MetricFamily.Label](dimensions: Array(zip(labels, sample.labels))))
        }
        return family
    }
}
