import Foundation
import Testing

@testable import NightjarServer

@Suite("Durations and dates of SDKs")
struct AppDurationTests {
    @Test(
        "Durations",
        arguments: [
            ("1s", 1.0), ("1d12h", 129_600), ("1h30m", 5400), ("250ms", 0.25), ("1w", 604_800), ("1.5h", 5400),
            ("60000", 60),
            ("1h0m0s", 3600), ("1us", 0.000_001), ("1µs", 0.000_001), ("5ns", 0.000_000_005), ("-5s", -5), ("+5s", 5),
            ("0", 0),
            ("2w3d4h5m6s7ms", 1_483_506.007),
        ])
    func durations(text: String, seconds: Double) throws {
        let value = try #require(AppDuration.seconds(text))
        #expect(abs(value - seconds) < 1e-9)
    }

    @Test(
        "What is no duration",
        arguments: ["", "s", "1", "1x", "1h 30m", "h1", "1hm", "soon", "-", "1..5s", "٣s", "nan", "inf"])
    func noDurations(text: String) {
        let value = AppDuration.seconds(text)
        if text == "1" { #expect(value == 0.001) } else { #expect(value == nil) }
    }

    @Test(
        "Moments",
        arguments: [
            ("", 0.0), ("10s", 10), ("2023-11-14T22:13:30.000Z", 10), ("2023-11-14T23:13:30+01:00", 10),
            ("2023-11-15", 6400),
            ("  10s ", 10), ("1000000000000", 1e9),
        ])
    func moments(text: String, seconds: Double) throws {
        let now = Date(timeIntervalSince1970: 1_700_000_000)
        let date = try #require(AppDuration.date(text, from: now))
        #expect(date.timeIntervalSince(now) == seconds)
    }
}
