import Foundation
import NightjarCore
import Testing

private struct OrderPlaced: EventData {
    static let eventName = "shop/order.placed"
    var orderID: String
    var total: Double
}
private struct OrderVoided: EventData {
    static let eventName = "shop/order.voided"
    var orderID: String
    var id: String
}

@Suite("Cancellation policies")
struct CancelPolicyTests {
    private static let function = Function("ship", on: OrderPlaced.self)

    private static func policies(
        _ change: (Function<OrderPlaced>) -> Function<OrderPlaced>
    ) throws -> [CancelPolicy] {
        let definition = change(function).run { _, _ in }
        try definition.validate()
        return definition.cancelPolicies
    }

    private static func problem(_ change: (Function<OrderPlaced>) -> Function<OrderPlaced>) throws -> String {
        let definition = change(function).run { _, _ in }
        return try #require(throws: DefinitionError.self) { try definition.validate() }.description
    }

    @Test("a policy keeps its text, its branches and its timeout")
    func policy() throws {
        let end = Date(timeIntervalSince1970: 1_900_000_000)
        let policies = try Self.policies {
            $0.cancelOn(OrderVoided.self, match: \.orderID, timeout: .after(.seconds(60)))
                .cancelOn(OrderVoided.self, match: \.orderID, with: \.id, timeout: .at(end))
                .cancelOn(OrderVoided.self, match: "data.orderID", with: "data['id']")
                .cancelOn(OrderVoided.self, if: "async.data.orderID == event.data.orderID && event.data.total > 10")
                .cancelOn("shop/*", if: "async.user.id == event.user.id", timeout: .after(.seconds(1)))
                .cancelOn("shop/closed", matchAll: true, timeout: .at(end))
        }

        #expect(
            policies.map(\.event) == [
                "shop/order.voided", "shop/order.voided", "shop/order.voided", "shop/order.voided", "shop/*",
                "shop/closed",
            ])
        #expect(
            policies.map(\.text) == [
                "match data.orderID", "match data.orderID with data.id", "match data.orderID with data.id",
                "if async.data.orderID == event.data.orderID && event.data.total > 10",
                "if async.user.id == event.user.id", nil,
            ])
        #expect(policies.map(\.timeout) == [.after(.seconds(60)), .at(end), nil, nil, .after(.seconds(1)), .at(end)])
        #expect(
            policies.map(\.branches) == [
                [MatchBranch(triggerPath: ["data", "orderID"], eventPath: ["data", "orderID"])],
                [MatchBranch(triggerPath: ["data", "orderID"], eventPath: ["data", "id"])],
                [MatchBranch(triggerPath: ["data", "orderID"], eventPath: ["data", "id"])],
                [
                    MatchBranch(
                        triggerPath: ["data", "orderID"], eventPath: ["data", "orderID"],
                        guardExpression: [">", ["event", "data", "total"], ["lit", 10]])
                ],
                [MatchBranch(triggerPath: ["user", "id"], eventPath: ["user", "id"])],
                [MatchBranch()],
            ])
        #expect(policies.flatMap(\.warnings) == [])
    }

    @Test("policies that say exactly the same are one; any number of others stands")
    func duplicates() throws {
        let policies = try Self.policies { function in
            (0..<30).reduce(function) { $0.cancelOn("shop/\($1 % 15)", match: "data.orderID") }
                .cancelOn(OrderVoided.self, match: \.orderID)
                .cancelOn(OrderVoided.self, match: "data.orderID")
                .cancelOn(OrderVoided.self, match: \.orderID, timeout: .after(.seconds(1)))
        }

        #expect(policies.count == 17)
    }

    @Test("wide and slow policies come with warnings")
    func warnings() throws {
        let policies = try Self.policies {
            $0.cancelOn("a/b", if: "async.data.all == true")
                .cancelOn("a/b", if: "async.data.total > event.data.total")
                .cancelOn("a/b", if: "async.data.total > 5")
        }

        #expect(policies[0].warnings.count == 1)
        #expect(policies[0].warnings[0].contains("cancels every run of the function"))
        #expect(policies[1].warnings.count == 1)
        #expect(policies[1].warnings[0].contains("every waiting run of the function"))
        #expect(policies[2].warnings.count == 2)
    }

    @Test("what is wrong with a policy is told with the event, the place and the remedy")
    func problems() throws {
        let text = try Self.problem {
            $0.cancelOn("a/b", if: "async.data.x = 1").cancelOn(OrderVoided.self, if: "1 == 2").cancelOn(
                "c/d", matchAll: false
            )
            .cancelOn("e/f", match: "data.x", timeout: .after(.zero))
            .cancelOn("g/h", match: "data.x", timeout: .after(.seconds(1e10)))
        }

        for part in [
            #"cancelOn "a/b": character 14 of "async.data.x = 1": "=" has no meaning here; write "==" to compare"#,
            #"cancelOn "shop/order.voided": character 1 of "1 == 2": the expression can never match"#,
            #"cancelOn "c/d": matchAll: false matches nothing"#, #"cancelOn "e/f": its timeout must be more than zero"#,
            #"cancelOn "g/h": its timeout must be 100 years at most"#,
        ] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
    }
}
