import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Testing

/// What an endpoint answered, taken apart.
struct ExposedText {
    struct Series: Hashable {
        var name: String
        var labels: [String: String]
    }

    let text: String
    private(set) var kinds: [String: String] = [:]
    private(set) var helps: [String: String] = [:]
    private(set) var values: [Series: Double] = [:]

    static func get(_ url: String) async throws -> ExposedText {
        let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(30))
        try #require(response.status.code == 200)
        #expect(response.headers.first(name: "content-type") == "text/plain; version=0.0.4; charset=utf-8")
        return try ExposedText(String(buffer: try await response.body.collect(upTo: 8 << 20)))
    }

    init(_ text: String) throws {
        self.text = text
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            if line.hasPrefix("# HELP ") {
                helps[words[2]] = words[3]
            } else if line.hasPrefix("# TYPE ") {
                kinds[words[2]] = words[3]
            } else {
                let space = try #require(line.lastIndex(of: " "))
                let value = try #require(Double(line[line.index(after: space)...]))
                values[try Self.series(line[..<space])] = value
            }
        }
    }

    private static func series(_ text: Substring) throws -> Series {
        guard let brace = text.firstIndex(of: "{") else { return Series(name: String(text), labels: [:]) }
        var labels: [String: String] = [:]
        for match in text[brace...].matches(of: /([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"/) {
            labels[String(match.1)] = String(match.2)
        }
        return Series(name: String(text[..<brace]), labels: labels)
    }

    /// The metric's name without what the parts of a histogram have behind it.
    func family(of series: Series) -> String {
        for suffix in ["_bucket", "_sum", "_count"] where series.name.hasSuffix(suffix) {
            let name = String(series.name.dropLast(suffix.count))
            if kinds[name] == "histogram" { return name }
        }
        return series.name
    }

    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        values[Series(name: name, labels: labels)]
    }

    /// The sum over all series of a name that have these labels, among others.
    func total(_ name: String, _ labels: [String: String] = [:]) -> Double {
        values.filter { series, _ in
            series.name == name && labels.allSatisfy { series.labels[$0.key] == $0.value }
        }.values.reduce(0, +)
    }
}
