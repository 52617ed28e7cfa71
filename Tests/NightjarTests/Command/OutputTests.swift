import Foundation
import PostgresClient
import Testing

@testable import NightjarCommand

@Suite("What the command line prints")
struct OutputTests {
    @Test("columns are aligned, cut at their limit, and lines have no blanks at their ends")
    func table() {
        var table = Table("NAME", .init("COUNT", .right), .init("NOTE", limit: 5))
        table.rows = [["a", "7", "short"], ["longer name", "1234", "much too long"], ["b", "", ""]]

        #expect(
            table.lines(style: .plain) == [
                "NAME         COUNT  NOTE",
                "a                7  short",
                "longer name   1234  much…",
                "b",
            ])
    }

    @Test("colours do not count as width")
    func colours() {
        var table = Table("A", "B")
        table.rows = [[.init("x", .green), "1"], ["long", "2"]]

        #expect(table.lines(style: Style(isColoured: true))[1] == "\u{1B}[32mx\u{1B}[0m     1")
        #expect(table.lines(style: .plain)[1] == "x     1")
    }

    @Test("texts from elsewhere cannot steer the terminal")
    func plainText() {
        #expect(PlainText.line("a\nb\tc\u{1B}[31m\u{202E}") == "a↵b c\u{FFFD}[31m\u{FFFD}")
        #expect(PlainText.line("äöü", limit: 3) == "äöü")
        #expect(PlainText.line("äöüß", limit: 3) == "äö…")
    }

    @Test(
        "durations",
        arguments: [
            (0, "0ms"), (0.0124, "12ms"), (0.9996, "1.00s"), (1.236, "1.24s"), (59.996, "1m 00s"), (185, "3m 05s"),
            (7_800, "2h 10m"), (273_600, "3d 04h"), (-2, "-2.00s"),
        ])
    func durations(seconds: Double, text: String) {
        #expect(TimeText.duration(seconds) == text)
    }

    @Test("times are told in the reader's zone, without rounding into another second")
    func times() throws {
        let zone = try #require(TimeZone(secondsFromGMT: -5_400))
        let time = TimeText(timeZone: zone)
        let date = try #require(Timestamp.date(from: "2030-01-01T00:59:59.9996Z"))

        #expect(time.moment(date) == "2029-12-31 23:29:59")
        #expect(time.exactMoment(date) == "2029-12-31 23:30:00.000 -01:30")
        #expect(time.clock(date, on: date) == "23:30:00.000")
        #expect(time.clock(date, on: date.addingTimeInterval(86_400)) == "2029-12-31 23:30:00.000")
    }

    @Test("moments on the command line are dates or distances")
    func moments() throws {
        let now = Date(timeIntervalSince1970: 1_000_000)
        #expect(Moment(argument: "90s")?.ahead(of: now) == now.addingTimeInterval(90))
        #expect(Moment(argument: "1.5h")?.before(now) == now.addingTimeInterval(-5_400))
        #expect(Moment(argument: "1970-01-02T00:00:00+01:00") == .date(Date(timeIntervalSince1970: 82_800)))
        for text in ["", "s", "soon", "-5m", "5", "nans", "1e9d", "2030-01-01"] {
            #expect(Moment(argument: text) == nil)
        }
        #expect(Timestamp.text(of: now) == "1970-01-12T13:46:40.000Z")
    }

    @Test("the first variable that names a database counts; a password alone names none")
    func environment() throws {
        let one = try DatabaseSetting.fromEnvironment([
            "DATABASE_URL": "host=a", "NIGHTJAR_DATABASE_URL": "host=b", "PGHOST": "c",
        ])
        #expect(one?.configuration.keywords["host"] == "b")
        #expect(one?.origin == "NIGHTJAR_DATABASE_URL")
        #expect(try DatabaseSetting.fromEnvironment(["PGHOST": "c"])?.origin == "PGHOST")
        #expect(try DatabaseSetting.fromEnvironment(["PGPASSWORD": "x", "DATABASE_URL": ""]) == nil)
    }
}
