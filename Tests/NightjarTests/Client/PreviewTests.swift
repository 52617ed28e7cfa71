import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

/// What an event would cancel can be looked at before it is sent.
@Suite("A preview of an event", .timeLimit(.minutes(3)))
struct PreviewTests {
    @Test("shows the runs that sending it cancels, with the policy, and sends nothing")
    func same() async throws {
        let functions = """
            [{"name": "post", "options": {}, "triggers": [{"event": "test/post"}], "cancel": [
               {"event": "test/cancel", "text": "if async.data.key == event.data.key && async.data.force == true",
                "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"],
                              "condition": ["==", ["async", "data", "force"], ["lit", true]]}]},
               {"event": "test/stop", "branches": [{"trigger_path": [], "event_path": []}]},
               {"event": "test/late", "text": "match data.key", "timeout_ms": 1,
                "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]}]}]
            """
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.register(functions)
            for key in ["a", "a", "b"] { try await probe.send("test/post", key: key) }
            let client = Client(database: database.configuration, logger: .silent)
            let events = try await probe.value("SELECT count(*) FROM nightjar.events", as: Int64.self)
            func event(_ name: String, _ data: JSON, id: String? = nil) throws -> NewEvent {
                try NewEvent(name: name, data: data, id: id)
            }
            let forced = try event("test/cancel", ["key": "a", "force": true])
            let expected = try await probe.runs(key: "a").map(\.id)

            #expect(try await client.preview(event("test/cancel", ["key": "a"])).isEmpty)
            #expect(try await client.preview(event("test/cancel", ["key": "c", "force": true])).isEmpty)
            #expect(try await client.preview(event("test/late", ["key": "a"])).isEmpty, "it does not listen any more")
            #expect(try await client.preview(event("test/stop", [:])).map(\.policy) == [nil, nil, nil])
            #expect(try await client.preview(event("test/stop", [:]), limit: 2).count == 2)
            let hits = try await client.preview(forced)
            #expect(hits.map(\.runID) == expected)
            #expect(Set(hits.map(\.function)) == ["post"])
            #expect(Set(hits.map(\.app)) == ["probe"])
            #expect(Set(hits.map(\.status)) == [.queued])
            #expect(hits.first?.policy == "if async.data.key == event.data.key && async.data.force == true")
            #expect(try await probe.value("SELECT count(*) FROM nightjar.events", as: Int64.self) == events)

            try await client.send([forced])
            try await probe.applyPending()
            let cancelled = try await probe.run { db in
                try RunRecord.read(db, where: "r.status = 'cancelled'", [], limit: 10).map(\.id)
            }
            #expect(Set(cancelled) == Set(expected))
            #expect(try await client.preview(forced).isEmpty)
            await client.close()
        }
    }

    @Test("of an event whose id was here before shows nothing: it would have no effect")
    func repeated() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            let client = Client(database: database.configuration, logger: .silent)
            let stop = try NewEvent(name: "test/cancel", data: ["key": "k"], id: "stop")
            try await client.send([stop])
            try await probe.send("test/post", key: "k")
            #expect(try await client.preview(stop).isEmpty)
            #expect(try await client.preview(NewEvent(name: "test/cancel", data: ["key": "k"], id: "other")).count == 1)
            await client.close()
        }
    }
}
