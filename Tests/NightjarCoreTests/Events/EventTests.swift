import Foundation
import Testing

@testable import NightjarCore

@Suite("Events")
struct EventTests {
    @Test(
        "names and wildcards of triggers",
        arguments: [
            ("app/user.created", true), ("app/*", true), ("app/user.*", true), ("simple", true),
            ("mit leerzeichen", true),
            ("*", false), ("app*", false), ("app/*/x", false), ("app/**", false), ("*/x", false), ("", false),
            ("a\nb", false), (String(repeating: "x", count: 255), true), (String(repeating: "x", count: 256), false),
        ])
    func patterns(pattern: String, isValid: Bool) {
        #expect((EventName.patternProblem(pattern) == nil) == isValid)
    }

    @Test("new events are checked when they are made")
    func newEvents() throws {
        let event = try NewEvent(name: "a/b", data: ["n": 1, "s": "x"], id: "1", user: ["id": 7])

        #expect(try JSONCoding.value(JSON.self, from: event.dataJSON) == ["n": 1, "s": "x"])
        #expect(event.userJSON == #"{"id":7}"#)
        #expect(try NewEvent(name: "a/b", json: " {} ").dataJSON == " {} ")
        #expect(throws: EventError.self) { try NewEvent(name: "", data: [:]) }
        #expect(throws: EventError.self) { try NewEvent(name: "a\0b", data: [:]) }
        #expect(throws: EventError.self) { try NewEvent(name: "a", data: "\0") }
        #expect(throws: EventError.self) { try NewEvent(name: "a", data: .number(.infinity)) }
        #expect(throws: EventError.self) { try NewEvent(name: "a", json: "{") }
        #expect(throws: EventError.self) { try NewEvent(name: "a", data: [:], id: "") }
    }
}
