import Foundation
import Testing

@testable import NightjarMetrics

@Suite("docs/metrics.md and deploy/ speak of the metrics there are")
struct MetricsDocumentTests {
    private static let names = Set(MetricCatalog.all.map(\.name))

    private static func read(_ path: String) throws -> String {
        try String(contentsOf: Programs.root.appending(path: path), encoding: .utf8)
    }

    /// The metrics that an expression asks for.
    private static func metrics(in expression: String) -> Set<String> {
        Set(
            expression.matches(of: #/\b(?:nightjar|hb|http_server)_[a-z0-9_]+/#).map { match in
                let name = String(match.0)
                for suffix in ["_bucket", "_sum", "_count"] where name.hasSuffix(suffix) && !names.contains(name) {
                    return String(name.dropLast(suffix.count))
                }
                return name
            })
    }

    @Test("the document has a row for each metric, as the catalogue has it, and no other")
    func document() throws {
        let rows = try Self.read("docs/metrics.md").split(separator: "\n").map(String.init)
            .filter { $0.wholeMatch(of: #/\| `[a-z_]+` \| (?:counter|gauge|histogram) \|.*/#) != nil }
        let expected = MetricCatalog.all.map { metric in
            let labels = metric.labels.map { "`\($0)`" }.joined(separator: ", ")
            return "| `\(metric.name)` | \(metric.kind) | \(labels) | \(metric.help) |"
        }
        #expect(Set(expected).subtracting(rows) == [], "missing")
        #expect(Set(rows).subtracting(expected) == [], "wrong, or of no metric")
    }

    @Test("the alerts ask for metrics that there are, and the document has each of them")
    func alerts() throws {
        let rules = try Self.read("deploy/prometheus/nightjar.rules.yaml")
        let document = try Self.read("docs/metrics.md")
        let code = rules.split(separator: "\n").filter { !$0.contains("description:") && !$0.hasPrefix("#") }
        let used = Self.metrics(in: code.joined(separator: "\n"))
        #expect(used.count > 10)
        #expect(used.subtracting(Self.names) == [])
        let alerts = Set(rules.matches(of: #/alert: (\w+)/#).map { String($0.1) })
        let documented = Set(document.matches(of: #/`(Nightjar[A-Z]\w+)`/#).map { String($0.1) })
        #expect(alerts.subtracting(documented) == [])
        #expect(documented.subtracting(alerts).subtracting(["NightjarMetrics"]) == [])
    }

    @Test("promtool takes the alerts, and they do what they say", .enabled(if: PromTool.isThere))
    func rules() throws {
        let folder = Programs.root.appending(path: "deploy/prometheus")
        func path(_ name: String) -> String { folder.appending(path: name).path(percentEncoded: false) }
        let checked = try PromTool.run(["check", "rules", path("nightjar.rules.yaml")])
        #expect(checked.status == 0, "\(checked.output)")
        let tested = try PromTool.run(["test", "rules", path("nightjar.rules.test.yaml")])
        #expect(tested.status == 0, "\(tested.output)")
    }

    @Test("the dashboard asks for metrics that there are, and shows all of a worker's and the database's")
    func dashboard() throws {
        let expressions = try Self.expressions()
        #expect(expressions.count > 30)
        let used = expressions.reduce(into: Set<String>()) { $0.formUnion(Self.metrics(in: $1)) }
        #expect(used.subtracting(Self.names) == [])
        #expect(Self.names.subtracting(used) == [])
    }

    @Test("promtool takes the dashboard's expressions", .enabled(if: PromTool.isThere))
    func dashboardExpressions() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        let rules = try Self.expressions().enumerated().map { index, expression in
            let text = expression.replacing("$__rate_interval", with: "5m").replacing("$app", with: ".*")
            return
                "  - record: r\(index)\n    expr: \(String(decoding: try encoder.encode(text), as: UTF8.self))\n"
        }
        let file = FileManager.default.temporaryDirectory.appending(path: "rules-\(UUID().uuidString).yaml")
        try Data(("groups:\n- name: dashboard\n  rules:\n" + rules.joined()).utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let checked = try PromTool.run(["check", "rules", file.path(percentEncoded: false)])
        #expect(checked.status == 0, "\(checked.output)")
    }

    private struct Dashboard: Decodable {
        struct Panel: Decodable {
            struct Target: Decodable {
                var expr: String
            }
            var id: Int
            var targets: [Target]?
        }
        var panels: [Panel]
    }

    private static func expressions() throws -> [String] {
        let dashboard = try JSONDecoder().decode(Dashboard.self, from: Data(read("deploy/grafana/nightjar.json").utf8))
        #expect(Set(dashboard.panels.map(\.id)).count == dashboard.panels.count)
        return dashboard.panels.flatMap { $0.targets ?? [] }.map(\.expr)
    }
}
