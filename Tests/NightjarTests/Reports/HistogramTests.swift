import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

/// Histograms say what percentiles over all values would, within their buckets' width; merged or not.
struct HistogramTests {
    @Test(
        "Quantiles are off by 4.5 % at most, also of histograms that are merged",
        arguments: [0.0, 0.01, 0.5, 0.95, 0.99, 1.0])
    func quantiles(fraction: Double) async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let (exact, read) = try await probe.run { db in
                let row = try db.query(
                    """
                    WITH value AS (SELECT n % 7 AS part, exp(-8 + 15 * abs(sin(n)))::float8 AS seconds FROM generate_series(1, 5000) n),
                    counted AS (SELECT part, nightjar_report.bucket(seconds) AS bucket, count(*) AS count FROM value GROUP BY 1, 2),
                    part AS (SELECT part, (array_agg(bucket), array_agg(count), sum(count)::bigint)::nightjar_report.histogram AS histogram
                             FROM counted GROUP BY part)
                    SELECT (SELECT percentile_disc($1::float8) WITHIN GROUP (ORDER BY seconds) FROM value),
                           (SELECT nightjar_report.quantile(nightjar_report.merge(histogram), $1::float8) FROM part)
                    """, [fraction])[0]
                return (try row.decode(0, as: Double.self), try row.decode(1, as: Double.self))
            }
            #expect(abs(read / exact - 1) < 0.045, "\(read) instead of \(exact)")
        }
    }

    @Test("An empty histogram has no quantile; nothing, an instant and a year are durations too")
    func limits() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let values = try await probe.run { db in
                try db.query(
                    """
                    SELECT nightjar_report.quantile(NULL, 0.5), nightjar_report.quantile(nightjar_report.merge(NULL), 0.5),
                           nightjar_report.quantile((ARRAY[0], ARRAY[3], 3), 0.5),
                           nightjar_report.quantile((ARRAY[nightjar_report.bucket(31536000)], ARRAY[1], 1), 1) / 31536000,
                           nightjar_report.share_within((ARRAY[0, nightjar_report.bucket(1), nightjar_report.bucket(9)], ARRAY[1, 2, 1], 4), 1)
                    """
                ).map { row in try (0..<5).map { try row.decode($0, as: Double?.self) } }[0]
            }
            #expect(values[0] == nil)
            #expect(values[1] == nil)
            #expect(values[2] == 0)
            #expect(abs((values[3] ?? 0) - 1) < 0.045)
            #expect(values[4] == 0.75)
            await #expect {
                try await probe.value("SELECT nightjar_report.quantile(NULL, 95)", as: Double?.self)
            } throws: {
                "\($0)".contains("between 0 and 1, as in 0.95; not 95")
            }
        }
    }
}
