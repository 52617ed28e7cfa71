import Foundation
import Nightjar
import Testing

@testable import NightjarServer

@Suite("Events as requests bring them")
struct EventReaderTests {
    private func read(_ text: String) throws -> [IngestEvent] { try EventReader.events(in: Array(text.utf8)) }

    @Test("an object, a list, and what is missing")
    func shapes() throws {
        #expect(try read("{\"name\":\"a\"}") == [IngestEvent(name: "a")])
        #expect(try read("[]").isEmpty)
        let full = try read(
            "[{\"name\":\"a/b\",\"data\":{\"n\":1.10},\"user\":{\"id\":1},\"id\":\"x\",\"ts\":1700000000123,\"v\":\"2\",\"z\":[]}]"
        )
        let expected = IngestEvent(
            name: "a/b", data: "{\"n\":1.10}", user: "{\"id\":1}", id: "x",
            timestamp: Date(timeIntervalSince1970: 1_700_000_000.123))
        #expect(full == [expected])
        let nulls = try read("{\"name\":\"a\",\"data\":null,\"user\":null,\"id\":null,\"ts\":null,\"v\":null}")
        #expect(nulls == [IngestEvent(name: "a")])
        #expect(try read("{\"name\":\"a\",\"id\":\"\",\"ts\":0}") == [IngestEvent(name: "a")])
        #expect(try read("{\"name\":\"first\",\"name\":\"last\"}").map(\.name) == ["last"], "as in every other reader")
    }

    @Test(
        "members that only the server writes are removed from the data, however their names are written",
        arguments: [
            ("{\"_inngest\":{\"fn_id\":\"x\"},\"a\":1}", "{\"a\":1}"), ("{\"_nightjar\":1}", "{}"),
            ("{\"a\" : [1,\"_inngest\"], \"\\u005finngest\":2}", "{\"a\" : [1,\"_inngest\"]}"),
            ("{\"b\":{\"_inngest\":1}}", "{\"b\":{\"_inngest\":1}}"), ("{\"_x\":1}", "{\"_x\":1}"),
        ])
    func reserved(_ data: String, _ kept: String) throws {
        let events = try read("{\"name\":\"a\",\"data\":\(data)}")
        #expect(events.map(\.data) == [kept])
    }

    @Test(
        "what is refused, and why",
        arguments: [
            ("1", "an event is a JSON object"), ("[1]", "event 1 of the list: an event is"),
            ("{}", "\"name\" is missing"),
            ("{\"name\":1}", "must be a text"), ("{\"name\":\"\"}", "must not be empty"),
            ("{\"name\":[\"a\"]}", "array"),
            ("{\"name\":\"inngest/x\"}", "for events of the server"),
            ("{\"name\":\"InnGest/x\"}", "for events of the server"),
            ("{\"name\":\"a/*\"}", "stands for many"), ("{\"name\":\"a\\nb\"}", "control character"),
            ("{\"name\":\"\(String(repeating: "x", count: 513))\"}", "513 characters"),
            ("{\"name\":\"a\",\"data\":[]}", "\"data\" must be an object"),
            ("{\"name\":\"a\",\"data\":\"x\"}", "string"),
            ("{\"name\":\"a\",\"user\":1}", "\"user\" must be"), ("{\"name\":\"a\",\"id\":1}", "\"id\" must be a text"),
            ("{\"name\":\"a\",\"id\":\"\(String(repeating: "x", count: 256))\"}", "256 characters"),
            ("{\"name\":\"a\",\"ts\":\"1\"}", "whole number"), ("{\"name\":\"a\",\"ts\":1.5}", "whole number"),
            ("{\"name\":\"a\",\"ts\":1000}", "1980"), ("{\"name\":\"a\",\"ts\":4102444800000}", "1980"),
            ("{\"name\":\"a\",\"ts\":-5}", "1980"), ("{\"name\":\"a\",\"v\":1}", "\"v\" must be"),
            ("[{\"name\":\"a\"},{\"name\":\"\"}]", "event 2 of the list"), ("{\"name\":\"a\"", "byte"),
            ("{\"name\":\"a\",\"data\":{\"x\":[\(String(repeating: "1e300,", count: 20_000))1]}}", "written out"),
            ("{\"name\":\"a\",\"user\":{\"x\":\"\(String(repeating: "x", count: 70_000))\"}}", "\"user\" has"),
        ])
    func refused(_ text: String, _ reason: String) {
        let error = #expect(throws: EventReader.Problem.self) { try read(text) }
        #expect(error?.text.contains(reason) == true, "\(error?.text ?? "none")")
    }

    @Test("bytes that are no text, and sizes")
    func sizes() throws {
        #expect(throws: EventReader.Problem.self) { try EventReader.events(in: [0x7B, 0xFF, 0x7D]) }
        let many = "[" + Array(repeating: "{\"name\":\"a\"}", count: 5_001).joined(separator: ",") + "]"
        let error = #expect(throws: EventReader.Problem.self) { try read(many) }
        #expect(error?.reason.contains("5000") == true)
        #expect(
            try read("[" + Array(repeating: "{\"name\":\"a\"}", count: 5_000).joined(separator: ",") + "]").count
                == 5_000)
        let large = "{\"name\":\"a\",\"data\":{\"x\":\"\(String(repeating: "x", count: 3 << 20))\"}}"
        #expect(throws: EventReader.Problem.self) { try read(large) }
        let fits = "{\"name\":\"a\",\"data\":{\"x\":\"\(String(repeating: "x", count: (3 << 20) - 100))\"}}"
        #expect(try read(fits).count == 1)
    }

    @Test("seeds: ids of the time and the entropy, counted in the last four bytes")
    func seeds() throws {
        let seed = try #require(EventSeed("1795000000000,AAAAAAAAAAAAAA=="))
        #expect(ULID.text(seed.id(1)) == "01M7Q5CQG0E008000000000001")
        #expect(seed.id(5_000).uuid.15 == 0x88)
        #expect(EventSeed("0,/////////////w==")?.id(1).uuid.15 == 0)
        for text in [
            "", "1", "1,", "x,AAAAAAAAAAAAAA==", "-1,AAAAAAAAAAAAAA==", "1,AAAA", "281474976710656,AAAAAAAAAAAAAA==",
        ] {
            #expect(EventSeed(text) == nil, "\(text)")
        }
        let now = Date()
        let milliseconds = UInt64(now.timeIntervalSince1970 * 1_000)
        let day: UInt64 = 86_400_000
        let isStorable = { (time: UInt64) in EventSeed("\(time),AAAAAAAAAAAAAA==")?.isStorable(at: now) }
        #expect(isStorable(milliseconds) == true)
        #expect(isStorable(milliseconds - 5 * day) == true)
        #expect(isStorable(milliseconds - 8 * day) == false)
        #expect(isStorable(milliseconds + 60 * day) == false)
    }
}
