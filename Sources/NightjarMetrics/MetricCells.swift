internal import CoreMetrics
internal import Synchronization

/// What keeps the numbers of one name and one set of labels.
protocol MetricCell: AnyObject, Sendable {
    func add(to family: inout MetricFamily, labels: [MetricFamily.Label])
}

/// A number that only grows.
final class CounterCell: MetricCell, CounterHandler {
    private let value = Atomic<Int64>(0)

    func increment(by amount: Int64) { value.wrappingAdd(amount, ordering: .relaxed) }
    func reset() { value.store(0, ordering: .relaxed) }

    func add(to family: inout MetricFamily, labels: [MetricFamily.Label]) {
        family.add(Double(value.load(ordering: .relaxed)), labels)
    }
}

/// A number that goes up and down.
final class GaugeCell: MetricCell, RecorderHandler, MeterHandler {
    private let bits = Atomic<UInt64>(0)

    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
    func increment(by amount: Double) { change(by: amount) }
    func decrement(by amount: Double) { change(by: -amount) }

    private func change(by amount: Double) {
        var known = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: known) + amount).bitPattern
            let (isDone, found) = bits.weakCompareExchange(expected: known, desired: new, ordering: .relaxed)
            if isDone { return }
            known = found
        }
    }

    func add(to family: inout MetricFamily, labels: [MetricFamily.Label]) {
        family.add(Double(bitPattern: bits.load(ordering: .relaxed)), labels)
    }
}

/// How many numbers there were of each size.
final class HistogramCell: MetricCell, TimerHandler, RecorderHandler {
    private struct State {
        var counts: [Int]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) {
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    func add(to family: inout MetricFamily, labels: [MetricFamily.Label]) {
        let (counts, sum) = state.withLock { ($0.counts, $0.sum) }
        var total = 0
        for (bound, count) in zip(bounds + [.infinity], counts) {
            total += count
            let limit = MetricFamily.Label(name: "le", value: PrometheusText.number(bound))
            family.add(Double(total), labels + [limit], suffix: "_bucket")
        }
        family.add(sum, labels, suffix: "_sum")
        family.add(Double(total), labels, suffix: "_count")
    }
}
