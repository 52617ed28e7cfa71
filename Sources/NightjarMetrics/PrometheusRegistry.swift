public import CoreMetrics
internal import Synchronization

/// Keeps what a process counts through swift-metrics, for Prometheus to read.
///
/// ```swift
/// let registry = PrometheusRegistry()
/// MetricsSystem.bootstrap(registry)       // before the first worker is made
/// ```
///
/// ``MetricsEndpoint`` serves it; ``text()`` is for programs that have an HTTP server of their own. Labels become names of
/// Prometheus: `nightjar.runs.claimed`, a counter, is `nightjar_runs_claimed_total`; a timer ends in `_seconds` and is a
/// histogram. The same label with the same dimensions is one number, whoever counts.
public final class PrometheusRegistry: MetricsFactory {
    private struct Key: Hashable {
        var name: String
        var labels: [MetricFamily.Label]
    }
    private struct Family {
        var kind: MetricFamily.Kind
        var label: String
        var cells: [[MetricFamily.Label]: any MetricCell] = [:]
    }
    private struct State {
        var families: [String: Family] = [:]
        var dropped = 0
    }

    private let state = Mutex(State())
    private let seriesLimit: Int

    /// The bounds of the histograms of durations, in seconds.
    static let durations = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600,
    ]
    /// The bounds of the histograms of everything else.
    static let amounts = [1.0, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000, 100_000, 1_000_000]

    /// Makes a registry without any numbers.
    /// - Parameter seriesLimit: How many sets of labels one name may have; what comes with further ones is not kept, and
    ///   `nightjar_metrics_dropped_series_total` says so.
    public init(seriesLimit: Int = 2_000) {
        self.seriesLimit = seriesLimit
    }

    /// Everything in Prometheus's text format.
    public func text() -> String { PrometheusText.text(of: families()) }

    func families() -> [MetricFamily] {
        let (known, dropped) = state.withLock { ($0.families, $0.dropped) }
        var families = known.sorted { $0.key < $1.key }.map { name, family in
            var result = MetricFamily(
                name: name, kind: family.kind,
                help: MetricCatalog.help(of: name) ?? "\(family.label), from swift-metrics.")
            let cells = family.cells.sorted { left, right in
                left.key.lexicographicallyPrecedes(right.key) { ($0.name, $0.value) < ($1.name, $1.value) }
            }
            for (labels, cell) in cells { cell.add(to: &result, labels: labels) }
            return result
        }
        families.append(MetricCatalog.droppedSeries.family([(Double(dropped), [])]))
        return families
    }

    /// The cell of a name and labels. One that is not exposed where the name is another kind's, or has too many.
    private func cell<Cell: MetricCell>(
        _ name: String, _ kind: MetricFamily.Kind, label: String, _ dimensions: [(String, String)], _ make: () -> Cell
    ) -> Cell {
        let labels = [MetricFamily.Label](dimensions: dimensions)
        return state.withLock { state in
            var family = state.families[name] ?? Family(kind: kind, label: label)
            if let known = family.cells[labels] as? Cell { return known }
            guard family.kind == kind, family.cells[labels] == nil, family.cells.count < seriesLimit else {
                state.dropped += 1
                return make()
            }
            let cell = make()
            family.cells[labels] = cell
            state.families[name] = family
            return cell
        }
    }

    private func remove(_ handler: AnyObject) {
        state.withLock { state in
            for name in state.families.keys {
                guard var family = state.families[name] else { continue }
                family.cells = family.cells.filter { $0.value !== handler }
                state.families[name] = family
            }
        }
    }

    // MARK: - MetricsFactory

    /// A number that only grows.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        cell(MetricName.metric(label, suffix: "_total"), .counter, label: label, dimensions) { CounterCell() }
    }

    /// A number that goes up and down.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        cell(MetricName.metric(label), .gauge, label: label, dimensions) { GaugeCell() }
    }

    /// A histogram of amounts, or, not aggregated, the latest number.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if aggregate {
            return cell(MetricName.metric(label), .histogram, label: label, dimensions) {
                HistogramCell(bounds: Self.amounts)
            }
        }
        return cell(MetricName.metric(label), .gauge, label: label, dimensions) { GaugeCell() }
    }

    /// A histogram of durations.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        cell(MetricName.metric(label, suffix: "_seconds"), .histogram, label: label, dimensions) {
            HistogramCell(bounds: Self.durations)
        }
    }

    /// No longer exposes it.
    public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    /// No longer exposes it.
    public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    /// No longer exposes it.
    public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    /// No longer exposes it.
    public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }
}
