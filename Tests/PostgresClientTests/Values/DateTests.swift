import Foundation
import Testing

@testable import PostgresClient

@Suite("Dates and intervals of the server")
struct DateTests {
    @Test("random times mean the same to the server")
    func randomTimes() async throws {
        var generator = SystemRandomNumberGenerator()
        // From the year 1 to 9999, in microseconds since 1970.
        let times = (0..<2000).map { _ in
            Int64.random(in: -62_135_596_800_000_000..<253_402_300_800_000_000, using: &generator)
        }
        try await withSession { session in
            try await session.run { db throws in
                let rows = try db.query(
                    """
                    select timestamptz 'epoch' + make_interval(secs => u / 1000000) + u % 1000000 * interval '1 us' as time,
                           u as expected
                    from unnest($1::bigint[]) as u
                    """, [times])
                #expect(rows.count == times.count)
                for row in rows {
                    let time: Date = try row.decode("time")
                    let expected: Int64 = try row.decode("expected")
                    let reference = Double(expected - 978_307_200_000_000) / 1e6
                    // Far from the present, Double itself is coarser than a microsecond.
                    #expect(abs(time.timeIntervalSinceReferenceDate - reference) <= reference.magnitude.ulp * 2)
                    let back: Int64 = try db.value(
                        "select (extract(epoch from $1::timestamptz) * 1000000)::bigint", [time])
                    #expect(abs(back - expected) <= Int64((reference.magnitude.ulp * 1e6).rounded(.up)) + 1)
                }
            }
        }
    }

    @Test(
        "forms of times",
        arguments: [
            ("timestamptz '2024-02-29 12:00:00.5+05:30'", "2024-02-29T06:30:00.500Z"),
            ("timestamp '2024-12-31 23:59:59'", "2024-12-31T23:59:59.000Z"),
            ("date '2000-01-01'", "2000-01-01T00:00:00.000Z"),
        ])
    func forms(sql: String, expected: String) async throws {
        let time = try await withSession { try await $0.run { try $0.value("select \(sql)", as: Date.self) } }

        #expect(time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)) == expected)
    }

    @Test("offsets of other time zones are taken into account")
    func timeZones() async throws {
        for zone in ["Asia/Kathmandu", "America/St_Johns", "Europe/Berlin"] {
            try await withSession({ $0.settings["TimeZone"] = zone }) { session in
                let time = try await session.run { db throws in
                    try db.value("select timestamptz '2024-07-01 00:00:00+00'", as: Date.self)
                }
                #expect(time.timeIntervalSince1970 == 1_719_792_000)
            }
        }
    }

    @Test(
        "what Date or Duration cannot hold is refused, and the text is shown",
        arguments: [
            ("timestamptz 'infinity'", "infinity"), ("timestamptz '-infinity'", "-infinity"),
            ("timestamptz '0044-03-15 12:00:00 BC'", "BC"), ("date '0001-01-01 BC'", "BC"),
        ])
    func refusedDates(sql: String, shown: String) async throws {
        let error = await postgresError {
            try await withSession { try await $0.run { try $0.value("select \(sql) as t", as: Date.self) } }
        }
        #expect(error?.code == .decoding)
        #expect(error?.message.contains(shown) == true)
    }

    @Test("dates that PostgreSQL or the calendar has not are refused before sending")
    func refusedToSend() async throws {
        let dates: [Date] = [
            Date(timeIntervalSinceReferenceDate: .infinity), Date(timeIntervalSinceReferenceDate: .nan),
            .distantPast, Date(timeIntervalSinceReferenceDate: 1e20),
        ]
        for date in dates {
            let error = await postgresError {
                try await withSession { try await $0.run { try $0.execute("select $1::timestamptz", [date]) } }
            }
            #expect(error?.code == .encoding)
            #expect(error?.message.contains("$1") == true)
        }
    }

    @Test(
        "forms of intervals",
        arguments: [
            ("3 days 04:05:06.789", 273_906_789_000), ("-1 days +02:03:00", -79_020_000_000), ("1 day", 86_400_000_000),
            ("-00:00:00.000001", -1), ("100:00:00", 360_000_000_000),
        ])
    func intervals(text: String, microseconds: Int) async throws {
        let back = try await withSession { session in
            try await session.run { db in try db.value("select interval '\(text)'", as: Duration.self) }
        }
        #expect(back == .microseconds(microseconds))
    }

    @Test("months have no fixed length", arguments: ["1 month", "2 years 3 days"])
    func months(text: String) async throws {
        let error = await postgresError {
            try await withSession { try await $0.run { try $0.value("select interval '\(text)'", as: Duration.self) } }
        }
        #expect(error?.code == .decoding)
    }

    @Test("the calendar agrees with itself for every day of 800 years")
    func civilDates() {
        var expected = CivilDate(year: 1600, month: 1, day: 1)
        for day in expected.daysSinceUnixEpoch..<CivilDate(year: 2400, month: 1, day: 1).daysSinceUnixEpoch {
            #expect(CivilDate(daysSinceUnixEpoch: day) == expected)
            #expect(expected.daysSinceUnixEpoch == day)
            let isLeap = expected.year % 4 == 0 && (expected.year % 100 != 0 || expected.year % 400 == 0)
            let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            expected.day += 1
            if expected.day > lengths[expected.month - 1] { (expected.month, expected.day) = (expected.month + 1, 1) }
            if expected.month > 12 { (expected.year, expected.month) = (expected.year + 1, 1) }
        }
    }
}
