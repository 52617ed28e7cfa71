import CoreMetrics
import Testing

@testable import NightjarMetrics

@Suite("What swift-metrics counts, as Prometheus reads it")
struct PrometheusRegistryTests {
    private let registry = PrometheusRegistry(seriesLimit: 3)

    private var lines: [String] { registry.text().split(separator: "\n").map(String.init) }

    @Test("a counter ends in _total, a timer is a histogram in seconds, a gauge keeps its name")
    func kinds() {
        Counter(label: "a.b", dimensions: [("x.y", "1"), ("b", "2")], factory: registry).increment(by: 3)
        let timer = Timer(label: "t", factory: registry)
        timer.recordNanoseconds(2_000_000)
        timer.recordNanoseconds(90_000_000_000_000)
        Gauge(label: "g-1", factory: registry).record(1.5)
        let lines = lines
        #expect(lines.contains("# TYPE a_b_total counter"))
        #expect(lines.contains(#"a_b_total{b="2",x_y="1"} 3"#))
        #expect(lines.contains("# TYPE t_seconds histogram"))
        #expect(lines.contains(#"t_seconds_bucket{le="0.001"} 0"#))
        #expect(lines.contains(#"t_seconds_bucket{le="0.0025"} 1"#))
        #expect(lines.contains(#"t_seconds_bucket{le="3600"} 1"#))
        #expect(lines.contains(#"t_seconds_bucket{le="+Inf"} 2"#))
        #expect(lines.contains("t_seconds_count 2"))
        #expect(lines.contains("t_seconds_sum 90000.002"))
        #expect(lines.contains("g_1 1.5"))
    }

    @Test("a meter goes up and down from many tasks, and nothing is lost")
    func meter() async {
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask { [registry] in
                    let meter = Meter(label: "m", factory: registry)
                    let counter = Counter(label: "c", factory: registry)
                    for _ in 0..<1_000 {
                        meter.increment()
                        meter.increment(by: 2)
                        meter.decrement()
                        counter.increment()
                    }
                }
            }
        }
        let lines = lines
        #expect(lines.contains("m 16000"))
        #expect(lines.contains("c_total 8000"))
    }

    @Test("values are escaped, and names that Prometheus does not take are made to fit")
    func escaping() {
        Counter(label: "9é", dimensions: [("1st", "a\"b\\c\nd")], factory: registry).increment()
        #expect(lines.contains(#"_9__total{_1st="a\"b\\c\nd"} 1"#))
    }

    @Test("the same label and dimensions are one number, in whatever order")
    func identity() {
        Counter(label: "c", dimensions: [("a", "1"), ("b", "2")], factory: registry).increment()
        Counter(label: "c", dimensions: [("b", "2"), ("a", "1")], factory: registry).increment()
        #expect(lines.filter { $0.hasPrefix("c_total") } == [#"c_total{a="1",b="2"} 2"#])
    }

    @Test("beyond the limit, and under a name of another kind, nothing is kept, and it is said")
    func limits() {
        for number in 0..<5 {
            Counter(label: "c", dimensions: [("n", "\(number)")], factory: registry).increment()
        }
        Gauge(label: "c_total", factory: registry).record(7)
        let lines = lines
        #expect(lines.filter { $0.hasPrefix("c_total") }.count == 3)
        #expect(lines.contains("nightjar_metrics_dropped_series_total 3"))
    }

    @Test("what is destroyed is gone")
    func destroyed() {
        let counter = Counter(label: "c", factory: registry)
        counter.increment()
        #expect(lines.contains("c_total 1"))
        counter.destroy()
        #expect(!lines.contains { $0.hasPrefix("c_total") })
    }
}
