/// What is measured under one name, as one moment sees it.
struct MetricFamily: Sendable, Equatable {
    /// What kind of number it is.
    enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// One number with what tells it apart from others.
    struct Sample: Sendable, Equatable {
        /// Behind the family's name: `_bucket`, `_sum` or `_count` of a histogram.
        var suffix = ""
        var labels: [Label]
        var value: Double
    }

    struct Label: Sendable, Hashable {
        var name: String
        var value: String
    }

    var name: String
    var kind: Kind
    var help: String
    var samples: [Sample] = []

    /// Adds a number.
    mutating func add(_ value: Double, _ labels: [Label] = [], suffix: String = "") {
        samples.append(Sample(suffix: suffix, labels: labels, value: value))
    }
}

extension [MetricFamily.Label] {
    /// In the order of their names, with names that Prometheus takes, and none without a value.
    init(dimensions: [(String, String)]) {
        self = dimensions.filter { !$0.1.isEmpty }
            .map { MetricFamily.Label(name: MetricName.label($0.0), value: $0.1) }
            .sorted { $0.name < $1.name }
    }
}
