import Foundation
import Testing

@testable import NightjarServer

@Suite("Cron expressions")
struct CronExpressionTests {
    private static func date(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

    @Test(
        "The next instant",
        arguments: [
            ("*/15 * * * *", "2026-11-22T18:07:30Z", "2026-11-22T18:15:00Z"),
            ("0 9 * * 1-5", "2026-11-20T09:00:00Z", "2026-11-23T09:00:00Z"),
            ("TZ=Europe/Paris 0 9 * * *", "2026-07-01T07:00:00Z", "2026-07-02T07:00:00Z"),
            ("TZ=Europe/Paris 0 9 * * *", "2026-12-01T08:00:00Z", "2026-12-02T08:00:00Z"),
            ("CRON_TZ=America/New_York 30 23 31 12 *", "2026-01-01T00:00:00Z", "2026-01-01T04:30:00Z"),
            ("@hourly", "2026-11-22T18:00:00Z", "2026-11-22T19:00:00Z"),
            ("@monthly", "2026-11-22T18:00:00Z", "2026-12-01T00:00:00Z"),
            ("0 0 29 2 *", "2026-11-22T18:00:00Z", "2028-02-29T00:00:00Z"),
            // A day of the month or a Monday.
            ("0 0 13 * mon", "2026-11-22T18:00:00Z", "2026-11-23T00:00:00Z"),
            ("0 0 * * 7", "2026-11-22T18:00:00Z", "2026-11-29T00:00:00Z"),
            // 02:30 does not exist in Paris on the 28th of March 2027.
            ("TZ=Europe/Paris 30 2 * * *", "2027-03-27T12:00:00Z", "2027-03-29T00:30:00Z"),
            ("5/20 * * * *", "2026-11-22T18:26:00Z", "2026-11-22T18:45:00Z"),
        ])
    func next(_ text: String, _ after: String, _ expected: String) throws {
        let expression = try CronExpression(text)
        let next = expression.next(after: try Self.date(after))
        let wanted = try Self.date(expected)
        #expect(next == wanted)
    }

    @Test("A day that never comes")
    func never() throws {
        let next = try CronExpression("0 0 30 2 *").next(after: Date())
        #expect(next == nil)
    }

    @Test(
        "What is refused",
        arguments: [
            "", "* * * *", "60 * * * *", "* * * * * *", "a * * * *", "*/0 * * * *", "5-1 * * * *",
            "TZ=Mars/Base 0 0 * * *", "@never", "1,,2 * * * *",
        ])
    func refused(_ text: String) {
        #expect(throws: CronExpression.Problem.self) { try CronExpression(text) }
    }
}
