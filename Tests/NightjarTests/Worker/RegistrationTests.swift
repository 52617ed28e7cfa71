import Foundation
import Testing

@testable import Nightjar

@Suite("What workers register")
struct RegistrationTests {
    private func json(_ change: (Function<JSON>) -> Function<JSON>) throws -> JSON {
        let definition = change(Function("f", on: .name("a/b"))).run { _, _ in }
        let encoded = try JSONCoding.encoder().encode(Registration.Entry(definition))
        return try JSONCoding.decoder().decode(JSON.self, from: encoded)
    }

    @Test("a policy is registered with its text, branches, time limit and warnings")
    func policies() throws {
        let function = try json {
            $0.cancelOn("a/c", match: "data.x", with: "data.y", timeout: .after(.microseconds(1_500)))
                .cancelOn(
                    "a/d", if: "event.data.y == 1 && async.data.n > 2",
                    timeout: .at(Date(timeIntervalSince1970: 1_800_000_000))
                )
                .cancelOn("a/e", matchAll: true)
        }
        let warnings = function["cancel"]?[1]?["warnings"]?.array ?? []

        #expect(
            function["cancel"]?[0] == [
                "event": "a/c", "text": "match data.x with data.y", "timeout_ms": 2, "until": nil, "warnings": [],
                "branches": [
                    ["trigger_path": ["data", "x"], "event_path": ["data", "y"], "guard": nil, "condition": nil]
                ],
            ])
        #expect(warnings.count == 1)
        #expect(
            function["cancel"]?[1] == [
                "event": "a/d", "text": "if event.data.y == 1 && async.data.n > 2", "timeout_ms": nil,
                "until": "2027-01-15T08:00:00.000Z", "warnings": .array(warnings),
                "branches": [
                    [
                        "trigger_path": [], "event_path": [], "guard": ["==", ["event", "data", "y"], ["lit", 1]],
                        "condition": [">", ["async", "data", "n"], ["lit", 2]],
                    ]
                ],
            ])
        #expect(function["cancel"]?[2]?["text"] == .some(.null))
        #expect(function["cancel"]?[2]?["branches"]?[0]?["event_path"] == .array([]))
    }

    @Test("the handlers of a function are registered with it")
    func handlers() throws {
        let function = Function("f", on: .name("a/b")).onFailure { _, _ in }.onCancel { _, _ in }.run { _, _ in }
        let all = try Registration.check([function])

        #expect(all.map(\.id) == ["f", "f-failure", "f-cancel"])
        #expect(throws: NightjarError.self) {
            try Registration.check([function, Function("f-cancel", on: .name("a/b")).run { _, _ in }])
        }
    }
}
