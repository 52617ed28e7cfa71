import Foundation
import NightjarCore
import Testing

private struct OrderPlaced: EventData {
    static let eventName = "shop/order.placed"
    var orderID: String
}

@Suite("Cancellation handlers", .timeLimit(.minutes(1)))
struct CancelHandlerTests {
    private static let runID = UUID()
    private static let data = """
        {"function_id": "shop-ship", "run_id": "\(runID.uuidString.lowercased())",
         "event": {"id": "e1", "name": "shop/order.placed", "data": {"orderID": "7"}, "user": null, "ts": 1800000000000},
         "events": [], "_inngest": {"status": "Cancelled"}, "_nightjar": {"function": 3},
         "cause": {"kind": "event", "event_id": "0193a5b0-0000-7000-8000-000000000001", "event_name": "shop/order.voided",
                   "event_seq": 12, "policy_id": 4, "asked_at": "2026-11-22T15:30:15.123456+00:00", "was": "sleeping",
                   "applied_at": "2026-11-22T16:30:15.5+01:00", "session": null},
         "steps": [{"id": "reserve", "kind": "run", "output": {"shelf": 3},
                    "started_at": "2026-11-22T15:00:00+00:00", "ended_at": "2026-11-22T15:00:01.25+00:00"},
                   {"id": "pay", "kind": "run", "error": {"name": "E", "message": "declined"},
                    "started_at": "2026-11-22T15:00:01+00:00", "ended_at": "2026-11-22T15:00:02+00:00"},
                   {"id": "wait", "kind": "waitForEvent", "output": null,
                    "started_at": "2026-11-22T15:00:02+00:00", "ended_at": "2026-11-22T15:00:03+00:00"},
                   {"id": "large", "kind": "later", "omitted": true,
                    "started_at": "2026-11-22T15:00:02+00:00", "ended_at": "2026-11-22T15:00:03+00:00"}]}
        """

    @Test("a cancellation handler is a function of its own that gets the event, the cause and the steps")
    func handler() async throws {
        struct Shelf: Codable { var shelf: Int }
        let definition = Function("ship", on: OrderPlaced.self)
            .named("Ship")
            .timeouts(start: .seconds(5), finish: .seconds(5))
            .stepTimeout(.seconds(60))
            .onFailure { _, _ in }
            .onCancel { cancellation, step in
                let steps = cancellation.steps
                #expect(cancellation.event.data.orderID == "7")
                #expect(cancellation.event.user == nil)
                #expect(cancellation.runID == Self.runID)
                #expect(cancellation.functionID == "shop-ship")
                #expect(cancellation.cause.kind == .event)
                #expect(cancellation.cause.eventName == "shop/order.voided")
                #expect(steps.map(\.id) == ["reserve", "pay", "wait", "large"])
                #expect(steps.map(\.kind) == [.run, .run, .waitForEvent, .other("later")])
                #expect(steps.map(\.output) == [["shelf": 3], nil, .null, nil])
                #expect(steps.map { $0.error?.message } == [nil, "declined", nil, nil])
                #expect(steps.map(\.isOutputOmitted) == [false, false, false, true])
                #expect(steps[0].endedAt.timeIntervalSince(steps[0].startedAt) == 1.25)
                let shelf = try steps[0].output(as: Shelf.self).shelf
                try await step.run("free-shelf") { #expect(shelf == 3) }
            }
            .run { _, _ in }
        try definition.validate()
        let handler = try #require(definition.handlers.last)
        let store = RunStore(
            handler,
            event: RecordedEvent(id: "c1", name: "inngest/function.cancelled", dataJSON: Self.data, timestamp: .start))

        #expect(definition.handlers.map(\.id) == ["ship-failure", "ship-cancel"])
        #expect(handler.name == "Ship (cancel)")
        #expect(handler.triggers == [Trigger(event: "inngest/function.cancelled", source: "ship")])
        #expect(handler.handlers.isEmpty)
        #expect(handler.options.startTimeout == nil)
        #expect(handler.options.finishTimeout == nil)
        #expect(handler.options.stepTimeout == .seconds(60))
        try handler.validate()
        #expect(await store.runToEnd() == .completed(output: "null"))
        #expect(store.memo.map(\.step) == ["free-shelf"])
    }

    @Test("a handler whose id is too long is a problem of its function")
    func handlerID() throws {
        let id = String(repeating: "x", count: 122)
        let definition = Function(id, on: OrderPlaced.self).onCancel { _, _ in }.run { _, _ in }

        let error = try #require(throws: DefinitionError.self) { try definition.validate() }
        #expect(error.description.contains("its handler \(id)-cancel"))
    }

    @Test(
        "a function that is started by ends of runs has no handlers of its own",
        arguments: [
            ("inngest/function.failed", false), ("inngest/function.*", false), ("inngest/*", false),
            ("inngest/function.invoked.*", false), ("inngest/other", true), ("inngest/other.*", true), ("app/*", true),
        ])
    func loops(event: String, isFine: Bool) throws {
        let function = Function("watch", on: .name("app/x"), .name(event))
        let plain = function.run { _, _ in }
        let failing = function.onFailure { _, _ in }.run { _, _ in }
        let cancelled = function.onCancel { _, _ in }.run { _, _ in }

        try plain.validate()
        for definition in [failing, cancelled] {
            guard !isFine else {
                try definition.validate()
                continue
            }
            let error = try #require(throws: DefinitionError.self) { try definition.validate() }
            #expect(error.description.contains("\"\(event)\""))
            #expect(error.description.contains("start each other for ever"))
        }
    }
}
