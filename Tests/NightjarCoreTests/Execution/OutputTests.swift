import Foundation
import NightjarCore
import Testing

@Suite("Outputs and events that cannot be", .timeLimit(.minutes(1)))
struct OutputTests {
    @Test("an output that is no JSON fails the run and names the step")
    func notANumber() async {
        let store = RunStore(.test { step in try await step.run("ratio") { Double.nan } })

        let error = await store.runToEnd()?.error

        #expect(error?.code == RunError.Code.invalidOutput)
        #expect(error?.message.contains("step \"ratio\"") == true)
        #expect(store.attempts.isEmpty)
        #expect(store.commits.count == 1)
    }

    @Test("an output with a NUL character is refused, an escaped backslash before u0000 is not")
    func nul() async {
        let refused = RunStore(.test { step in try await step.run("a") { "x\0y" } })
        let accepted = RunStore(.test { step in try await step.run("a") { "x\\u0000" } })

        #expect(await refused.runToEnd()?.error?.message.contains("NUL") == true)
        #expect(await accepted.runToEnd() == .completed(output: #""x\\u0000""#))
    }

    @Test("an output over the limit is refused with its size and the limit")
    func tooLarge() async {
        let step = RunStore(
            .test({ $0.outputLimit(10) }) { step in try await step.run("a") { String(repeating: "x", count: 9) } })
        let function = RunStore(.test({ $0.outputLimit(10) }) { _ in String(repeating: "x", count: 9) })

        let error = await step.runToEnd()?.error
        #expect(error?.code == RunError.Code.invalidOutput)
        #expect(error?.message.contains("has 11 bytes; the limit is 10") == true)
        #expect(await function.runToEnd()?.error?.message.contains("the function has 11 bytes") == true)
    }

    @Test("an event whose data does not fit the type fails the run and says where")
    func wrongEvent() async {
        struct Order: EventData {
            static let eventName = "shop/order"
            struct Item: Codable, Sendable { var price: Int }
            var items: [Item]
        }
        let definition = Function("f", on: Order.self).run { event, _ in event.data.items.count }
        let event = RecordedEvent(
            id: "e7", name: "shop/order", dataJSON: #"{"items":[{"price":1},{"price":"x"}]}"#, timestamp: .start)
        let store = RunStore(definition, event: event)

        let error = await store.runToEnd()?.error

        #expect(error?.code == RunError.Code.eventMismatch)
        #expect(error?.message.contains("\"shop/order\" (e7)") == true)
        #expect(error?.message.contains("items[1].price") == true)
        #expect(store.attempts.isEmpty)
    }

    @Test("an event that may not be sent fails the run at once")
    func invalidEvent() async {
        let store = RunStore(
            .test { step in try await step.sendEvent("send", NewEvent(name: "", data: [:])) })

        #expect(await store.runToEnd()?.error?.code == RunError.Code.invalidEvent)
    }

    @Test("optional and empty outputs come back as they were")
    func optionals() async {
        let store = RunStore(
            .test { step in
                let nothing = try await step.run("nothing") { () -> Int? in nil }
                let something = try await step.run("something") { () -> Int? in 1 }
                try await step.run("void") {}
                try await step.sleep("nap", for: .seconds(1))
                return [nothing, something]
            })

        #expect(await store.runToEnd() == .completed(output: "[null,1]"))
    }
}
