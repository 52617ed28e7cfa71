import Foundation
import NightjarCore
import Testing

@Suite("JSON")
struct JSONTests {
    @Test("whole numbers of 64 bits are kept exactly")
    func integers() throws {
        for integer in [Int64.max, .min, 0, 9_007_199_254_740_993] {
            let json = try JSONCoding.value(JSON.self, from: "\(integer)")

            #expect(json == .integer(integer))
            #expect(try JSONCoding.text(json) == "\(integer)")
        }
        #expect(try JSONCoding.value(JSON.self, from: "1.5") == 1.5)
        #expect(try JSONCoding.value(JSON.self, from: "1e300") == .number(1e300))
    }

    @Test("values compare as JSON values and hash alike when equal")
    func equality() {
        #expect(JSON.integer(1) == .number(1))
        #expect(JSON.integer(1).hashValue == JSON.number(1).hashValue)
        #expect(JSON.string("1") != .integer(1))
        #expect(JSON.bool(true) != .integer(1))
        #expect(JSON.null == nil)
        #expect(["a": [1, nil, true]] as JSON == .object(["a": .array([.integer(1), .null, .bool(true)])]))
    }

    @Test("members and elements are reached by subscripts")
    func access() throws {
        let json = try JSONCoding.value(JSON.self, from: #"{"a":{"b":[1,"x",false,null,2.5]}}"#)
        let list = json["a"]?["b"]

        #expect(list?[0]?.integer == 1)
        #expect(list?[0]?.number == 1)
        #expect(list?[1]?.string == "x")
        #expect(list?[2]?.bool == false)
        #expect(list?[3] == .null)
        #expect(list?[4]?.number == 2.5)
        #expect(list?[4]?.integer == nil)
        #expect(list?[5] == nil)
        #expect(json["x"] == nil)
        #expect(list?.array?.count == 5)
        #expect(json.object?.count == 1)
    }

    @Test("data is base64")
    func data() throws {
        #expect(try JSONCoding.text(Data([1, 2, 255])) == #""AQL/""#)
        #expect(try JSONCoding.value(Data.self, from: #""AQL/""#) == Data([1, 2, 255]))
    }

    @Test(
        "dates are written with a fraction",
        arguments: [
            (0.0, "1970-01-01T00:00:00.000Z"), (1_800_000_000.125, "2027-01-15T08:00:00.125Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.000Z"),
            (1_800_000_000.000123, "2027-01-15T08:00:00.000123Z"), (-62_135_596_800, "0001-01-01T00:00:00.000Z"),
        ])
    func writesDates(seconds: Double, text: String) throws {
        #expect(try JSONCoding.text(Date(timeIntervalSince1970: seconds)) == "\"\(text)\"")
        let back = try JSONCoding.value(Date.self, from: "\"\(text)\"")
        #expect(abs(back.timeIntervalSince1970 - seconds) < 1e-6)
    }

    @Test(
        "dates are read in all usual forms",
        arguments: [
            ("\"2027-01-15T08:00:00Z\"", 0.0), ("\"2027-01-15T08:00:00.5Z\"", 0.5),
            ("\"2027-01-15T10:00:00+02:00\"", 0), ("\"2027-01-15T10:00:00+0200\"", 0),
            ("\"2027-01-15 08:00:00+00\"", 0),
            ("\"2027-01-15T02:30:00-05:30\"", 0), ("\"2027-01-15T08:00Z\"", 0), ("1800000000000", 0),
            ("1800000000250", 0.25), ("\"2027-01-15T08:00:00.123456789Z\"", 0.123456789),
        ])
    func readsDates(text: String, offset: Double) throws {
        let date = try JSONCoding.value(Date.self, from: text)
        #expect(abs(date.timeIntervalSince(.start) - offset) < 1e-6)
    }

    @Test(
        "what is no date is refused",
        arguments: [
            "2027-02-29T00:00:00Z", "2027-13-01T00:00:00Z", "2027-01-15", "2027-01-15T08:00:00", "x",
            "2027-01-15T25:00:00Z",
        ])
    func refusesDates(text: String) {
        #expect(throws: DecodingError.self) { try JSONCoding.value(Date.self, from: "\"\(text)\"") }
    }

    @Test("every day of five centuries is written as Foundation writes it")
    func days() throws {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        for day in stride(from: -100_000, to: 100_000, by: 13) {
            let date = Date(timeIntervalSince1970: Double(day) * 86_400 + Double(day % 86_400))
            #expect(try JSONCoding.text(date) == "\"\(date.formatted(style))\"")
        }
    }
}
