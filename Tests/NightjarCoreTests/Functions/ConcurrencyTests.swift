import Testing

@testable import NightjarCore

struct ConcurrencyTests {
    private struct Order: EventData {
        static let eventName = "shop/order"
        var userID: String
        var total: Int

        enum CodingKeys: String, CodingKey {
            case userID = "user_id"
            case total
        }
    }

    private static func options(_ change: (Function<Order>) -> Function<Order>) -> FunctionOptions {
        change(Function("order", on: Order.self)).run { _, _ in }.options
    }

    private static func problems(_ change: (Function<Order>) -> Function<Order>) -> String {
        do {
            try change(Function("order", on: Order.self)).run { _, _ in }.validate()
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("Limits are kept with their keys, which the database evaluates")
    func limits() throws {
        let options = Self.options { $0.concurrency(5, key: \.userID).concurrency(2, level: .run) }
        let stored: JSON = ["event", "data", "user_id"]
        #expect(
            options.limits == [
                ConcurrencyLimit(limit: 5, key: stored, text: "event.data.user_id"),
                ConcurrencyLimit(limit: 2, level: .run),
            ])
        let other = Self.options { $0.concurrency(5, key: "event.data.user_id", scope: .environment) }
        #expect(other.limits.map(\.key) == [stored])
        #expect(other.limits.map(\.scope) == [.environment])
        let text = try options.canonicalJSON()
        #expect(try JSONCoding.value(FunctionOptions.self, from: text) == options)
        #expect(!(try FunctionOptions().canonicalJSON()).contains("limits"))
    }

    @Test("Handlers of a function's ends are not bound by its limits")
    func handlers() {
        let function = Function("order", on: Order.self).concurrency(1).onFailure { _, _ in }.run { _, _ in }
        #expect(function.handlers.map(\.options.limits) == [[]])
    }

    @Test("What is wrong with a limit is told, with the remedy")
    func mistakes() {
        #expect(Self.problems { $0.concurrency(0) } == "")
        #expect(Self.problems { $0.concurrency(-1) }.contains("from 0, which is none"))
        #expect(Self.problems { $0.concurrency(1, key: "event.data.") }.contains("concurrency: "))
        #expect(Self.problems { $0.concurrency(1, key: "async.data.x") }.contains("concurrency: "))
        #expect(Self.problems { $0.concurrency(1).concurrency(1) }.contains("the same key, scope and level"))
        #expect(
            Self.problems { $0.concurrency(1, level: .run).concurrency(1, key: \.total, level: .run) }.contains(
                "whole runs"))
        #expect(
            Self.problems { $0.concurrency(1).concurrency(1, key: \.total).concurrency(1, key: \.userID) }
                .contains("2 limits at most; there are 3"))
        let shared = ConcurrencyLimit.problems(of: [ConcurrencyLimit(limit: 1, scope: .account)])
        #expect(shared.count == 1 && shared[0].contains("needs a key"))
    }
}
