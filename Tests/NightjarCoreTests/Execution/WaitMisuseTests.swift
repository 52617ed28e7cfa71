import Foundation
import NightjarCore
import Testing

@Suite("Waits and invocations that cannot work", .timeLimit(.minutes(1)))
struct WaitMisuseTests {
    private struct Post: EventData {
        static let eventName = "test/post"
        var id: String
        var length: Int { id.count }
    }

    private struct Misnamed: EventData {
        static let eventName = "test/*/x"
    }

    private static func error(_ body: @escaping @Sendable (Step) async throws -> Void) async -> RunError? {
        let store = RunStore(
            .test { step in
                // Swallowing the error does not help.
                try? await body(step)
                return 1
            })
        let error = await store.runToEnd()?.error
        #expect(store.attempts.isEmpty)
        #expect(store.open.isEmpty)
        return error
    }

    typealias Case = (part: String, code: String, body: @Sendable (Step) async throws -> Void)

    private static let cases: [Case] = [
        (
            "character 1", RunError.Code.misuse,
            { _ = try await $0.waitForEvent("w", "a/b", match: "post.id", timeout: .seconds(1)) }
        ),
        (
            "character 6", RunError.Code.misuse,
            { _ = try await $0.waitForEvent("w", "a/b", match: "data.id", with: "data..id", timeout: .seconds(1)) }
        ),
        (
            "character 16", RunError.Code.misuse,
            { _ = try await $0.waitForEvent("w", "a/b", if: "async.data.a + ", timeout: .seconds(1)) }
        ),
        (
            "can never match", RunError.Code.misuse,
            { _ = try await $0.waitForEvent("w", Post.self, if: "false", timeout: .seconds(1)) }
        ),
        ("event name", RunError.Code.misuse, { _ = try await $0.waitForEvent("w", "a*", timeout: .seconds(1)) }),
        (
            "event name", RunError.Code.misuse,
            { _ = try await $0.waitForEvent("w", Misnamed.self, timeout: .seconds(1)) }
        ),
        ("more than zero", RunError.Code.misuse, { _ = try await $0.waitForEvent("w", Post.self, timeout: .zero) }),
        (
            "no single field", RunError.Code.misuse,
            { _ = try await $0.waitForEvent("w", Post.self, where: \.length, equals: 3, timeout: .seconds(1)) }
        ),
        (
            "1 to 255 bytes", RunError.Code.misuse,
            { _ = try await $0.waitForEvent("", Post.self, timeout: .seconds(1)) }
        ),
        (
            "more than zero", RunError.Code.misuse,
            { _ = try await $0.invoke("i", "f", with: Post(id: "1"), as: Int.self, timeout: .seconds(-1)) }
        ),
        ("id \"f!\"", RunError.Code.misuse, { _ = try await $0.invoke("i", "f!", with: Post(id: "1"), as: Int.self) }),
        (
            "app", RunError.Code.misuse,
            { _ = try await $0.invoke("i", "f", app: "", with: Post(id: "1"), as: Int.self) }
        ),
        ("JSON object", RunError.Code.invalidEvent, { _ = try await $0.invoke("i", "f", with: [1], as: Int.self) }),
        ("NUL", RunError.Code.invalidEvent, { _ = try await $0.invoke("i", "f", with: Post(id: "\0"), as: Int.self) }),
        (
            "the limit is", RunError.Code.invalidEvent,
            { _ = try await $0.invoke("i", "f", with: Post(id: String(repeating: "x", count: 5 << 20)), as: Int.self) }
        ),
        (
            "written as JSON", RunError.Code.invalidEvent,
            { _ = try await $0.invoke("i", "f", with: ["x": Double.nan], as: Int.self) }
        ),
    ]

    @Test("the run fails at once and says why", arguments: cases.indices)
    func fails(index: Int) async {
        let expected = Self.cases[index]

        let error = await Self.error(expected.body)

        #expect(error?.code == expected.code)
        #expect(error?.message.contains(expected.part) == true, "\(error as Any)")
    }

    @Test("a wait inside a step fails the run")
    func nested() async {
        let store = RunStore(
            .test { step in
                try await step.run("outer") {
                    _ = try await step.waitForEvent("inner", Post.self, timeout: .seconds(1))
                }
            })

        #expect(await store.runToEnd()?.error?.code == RunError.Code.misuse)
    }
}
