import Foundation
import NightjarCore
import Synchronization
import Testing

@Suite("Misuse of steps", .timeLimit(.minutes(1)))
struct MisuseTests {
    @Test("a step inside a step fails the run and names both")
    func nested() async {
        let store = RunStore(
            .test { step in
                try await step.run("outer") { try await step.run("inner") { 1 } }
            })

        let error = await store.runToEnd()?.error

        #expect(error?.code == RunError.Code.misuse)
        #expect(error?.message.contains("\"inner\" was used inside step \"outer\"") == true)
        #expect(store.attempts.isEmpty)
    }

    @Test(
        "a step in an unstructured or detached task fails",
        arguments: [true, false])
    func unstructured(isDetached: Bool) async {
        let store = RunStore(
            .test { step in
                let task =
                    isDetached
                    ? Task.detached { try await step.run("a") { 1 } } : Task { try await step.run("a") { 1 } }
                return try await task.value
            })

        let error = await store.runToEnd()?.error

        #expect(error?.code == RunError.Code.misuse)
        #expect(error?.message.contains("outside the function's own tasks") == true)
    }

    @Test("a step that is used after its run had ended throws")
    func afterTheEnd() async throws {
        let leaked = Mutex<Step?>(nil)
        let store = RunStore(
            .test { step in
                leaked.withLock { $0 = step }
                return 1
            })
        _ = await store.execute()
        let step = try #require(leaked.withLock { $0 })

        let error = await #expect(throws: (any Error).self) { try await step.run("late") { 1 } }

        #expect("\(error as Any)".contains("after its run had ended"))
    }

    @Test(
        "a step id that is empty, too long or has a NUL fails",
        arguments: ["", String(repeating: "x", count: 256), "a\0b"])
    func badID(id: String) async {
        let store = RunStore(.test { step in try await step.run(id) { 1 } })

        #expect(await store.runToEnd()?.error?.code == RunError.Code.misuse)
    }

    @Test("a step called from an actor that the function uses works")
    func fromActor() async {
        actor Helper {
            func work(_ step: Step) async throws -> Int { try await step.run("a") { 1 } }
        }
        let helper = Helper()
        let store = RunStore(.test { step in try await helper.work(step) + step.run("b") { 1 } })

        #expect(await store.runToEnd() == .completed(output: "2"))
    }

    @Test("a step called on the main actor works")
    func fromMainActor() async {
        let store = RunStore(
            .test { step in
                try await onMainActor(step) + step.run("b") { 1 }
            })

        #expect(await store.runToEnd() == .completed(output: "2"))
    }

    @MainActor private static func main(_ step: Step) async throws -> Int { try await step.run("a") { 1 } }

    private func onMainActor(_ step: Step) async throws -> Int { try await Self.main(step) }

    @Test("task-locals of the function reach the bodies of its steps")
    func taskLocals() async {
        let store = RunStore(
            .test { step in
                try await Tag.$current.withValue("here") {
                    try await step.run("a", timeout: .seconds(100)) { Tag.current }
                }
            })

        #expect(await store.runToEnd() == .completed(output: "\"here\""))
    }

    private enum Tag {
        @TaskLocal static var current = "nowhere"
    }
}
