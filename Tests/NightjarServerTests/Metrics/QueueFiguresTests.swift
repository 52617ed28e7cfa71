import Testing

@testable import NightjarMetrics

@Suite("Queues as they are told")
struct QueueFiguresTests {
    private func lines(_ figures: QueueFigures, byTenant: Bool) -> [String] {
        PrometheusText.text(of: figures.families(byTenant: byTenant)).split(separator: "\n").map(String.init)
            .filter { !$0.hasPrefix("#") }
    }

    @Test("tenants are told apart, or added up; an app without runs has zeros")
    func tenants() {
        let figures = QueueFigures(
            apps: ["blog", "shop"],
            rows: [
                .init(app: "blog", tenant: 1, source: 2, depth: 5, age: 2),
                .init(app: "blog", tenant: 2, source: 2, depth: 1, age: 9),
                .init(app: "blog", tenant: 2, source: 3, depth: 4, age: nil),
            ])
        let apart = lines(figures, byTenant: true)
        #expect(apart.contains(#"nightjar_queue_depth{app="blog",state="new",tenant="2"} 1"#))
        #expect(apart.contains(#"nightjar_due_lag_seconds{app="blog",state="new",tenant="1"} 2"#))
        #expect(apart.contains(#"nightjar_queue_depth{app="blog",state="due"} 0"#))
        #expect(!apart.contains { $0.hasPrefix(#"nightjar_due_lag_seconds{app="blog",state="again""#) })
        #expect(apart.contains(#"nightjar_due_lag_seconds{app="shop",state="new"} 0"#))
        let together = lines(figures, byTenant: false)
        #expect(together.contains(#"nightjar_queue_depth{app="blog",state="new"} 6"#))
        #expect(together.contains(#"nightjar_due_lag_seconds{app="blog",state="new"} 9"#))
        #expect(!together.contains { $0.contains("tenant") })
    }

    @Test("of many tenants those with the most runs are named")
    func manyTenants() {
        let rows = (1...150).map {
            QueueFigures.Row(app: "a", tenant: Int32($0), source: 2, depth: Int64($0), age: 1)
        }
        let found = lines(QueueFigures(apps: ["a"], rows: rows), byTenant: true)
        #expect(found.filter { $0.hasPrefix("nightjar_queue_depth") && $0.contains("tenant=") }.count == 101)
        #expect(found.contains(#"nightjar_queue_depth{app="a",state="new",tenant="other"} \#((1...50).reduce(0, +))"#))
        #expect(found.contains(#"nightjar_queue_depth{app="a",state="new",tenant="51"} 51"#))
    }
}
