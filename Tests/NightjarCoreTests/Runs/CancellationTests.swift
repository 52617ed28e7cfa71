import Foundation
import NightjarCore
import Testing

@Suite("Causes of cancellations")
struct CancellationTests {
    private static let id = "0193a5b0-0000-7000-8000-00000000000a"

    private static func decode(_ json: String) throws -> Outcome.Cancellation {
        // As rows of the database are decoded, too: with a decoder that knows nothing of dates as text.
        try JSONDecoder().decode(Outcome.Cancellation.self, from: Data(json.utf8))
    }

    @Test("everything that is recorded is read, and written again")
    func coding() throws {
        let cause = try Self.decode(
            """
            {"kind": "event", "event_id": "\(Self.id)", "event_name": "a/b", "event_seq": 5, "policy_id": 7,
             "policy": "match data.a", "timeout": "start", "parent": "\(Self.id)", "bulk_id": 9, "actor": "ada",
             "reason": "why", "asked_at": "2026-11-22T15:30:15.123456+00:00", "was": "running",
             "applied_at": "2026-11-22T15:30:16+00:00", "session": "\(Self.id)", "executing": ["x", "y"]}
            """)

        #expect(cause.kind == .event)
        #expect(cause.eventID?.uuidString.lowercased() == Self.id)
        #expect(cause.eventName == "a/b")
        #expect(cause.policyID == 7)
        #expect(cause.policy == "match data.a")
        #expect(cause.timeout == .start)
        #expect(cause.parent == cause.eventID)
        #expect(cause.bulkID == "9")
        #expect(cause.actor == "ada")
        #expect(cause.reason == "why")
        #expect(cause.askedAt?.timeIntervalSince1970 == 1_795_361_415.123456)
        #expect(cause.appliedAt?.timeIntervalSince1970 == 1_795_361_416)
        #expect(cause.was == "running")
        #expect(cause.session == cause.eventID)
        #expect(cause.executing == ["x", "y"])
        #expect(try Self.decode(String(decoding: JSONEncoder().encode(cause), as: UTF8.self)) == cause)
    }

    @Test("what is missing or unknown does not stand in the way")
    func tolerance() throws {
        let cause = try Self.decode(
            #"{"kind": "comet", "asked_at": "infinity", "event_id": "no id", "timeout": "other", "executing": null, "new": {}}"#
        )

        #expect(cause.kind == .other("comet"))
        #expect(cause.kind.rawValue == "comet")
        #expect(cause.timeout == .other("other"))
        #expect(cause.askedAt == nil)
        #expect(cause.eventID == nil)
        #expect(cause.executing.isEmpty)
        #expect(cause.description == "comet")
        #expect(try JSONCoding.text(Outcome.Cancellation(kind: .manual)) == #"{"kind":"manual"}"#)
    }

    @Test(
        "a cause in one line",
        arguments: [
            (#"{"kind": "event", "event_name": "a/b", "event_id": "\#(id)"}"#, "event a/b \(id)"),
            (#"{"kind": "manual", "actor": "ada", "reason": "wrong order"}"#, "by hand: ada (wrong order)"),
            (#"{"kind": "timeout", "timeout": "start"}"#, "timeout: it did not start in time"),
            (#"{"kind": "timeout", "timeout": "finish"}"#, "timeout: it did not finish in time"),
            (#"{"kind": "bulk", "bulk_id": "\#(id)", "actor": "ada"}"#, "bulk cancellation \(id) by ada"),
            (#"{"kind": "parent", "parent": "\#(id)"}"#, "the run that invoked it, \(id)"),
        ])
    func description(json: String, text: String) throws {
        #expect(try Self.decode(json).description == text)
    }
}
