import Foundation
import Nightjar

/// What the workers of a history execute.
struct HistoryFunctions: Sendable {
    struct Flaky: Error {}

    let journal: Journal

    var all: [FunctionDefinition] { [post, child, ask, parent, task, limited, endless, audit] }

    /// Steps, naps, a child by an event; every kind of policy.
    private var post: FunctionDefinition {
        Function("post", on: Said<PostName>.self)
            .cancelOn(Said<CancelName>.self, match: \.key)
            .cancelOn(Said<PostName>.self, match: \.key)
            .cancelOn(
                Said<RecallName>.self, if: "async.data.key == event.data.key && async.data.level > event.data.level"
            )
            .cancelOn(Said<LateName>.self, match: \.key, timeout: .after(HistoryRules.lateness))
            .retries(Self.patient)
            .run { event, step in
                try await work("a", step)
                if event.data.nap > 0 { try await step.sleep("nap", for: .milliseconds(event.data.nap)) }
                if event.data.nap % 7 == 1 {
                    try await step.sendEvent("child", Said<ChildName>(key: event.data.key, lot: event.data.lot))
                }
                try await work("b", step)
            }
    }

    private var child: FunctionDefinition {
        Function("child", on: Said<ChildName>.self).run { _, step in try await work("c", step) }
    }

    /// Waits for events in every way.
    private var ask: FunctionDefinition {
        Function("ask", on: Said<AskName>.self)
            .cancelOn(Said<CancelName>.self, match: \.key)
            .retries(Self.patient)
            .onCancel { cancellation, step in
                _ = try await step.run("told") { cancellation.steps.count }
            }
            .onFailure { _, step in try await work("mourn", step) }
            .run { event, step in
                let timeout = Duration.milliseconds(event.data.nap)
                switch event.data.mode {
                case 1:
                    _ = try await step.waitForEvent(
                        "good", Said<AnswerName>.self,
                        if: "async.data.key == event.data.key && async.data.level >= event.data.level",
                        timeout: timeout, since: .runStart)
                case 2:
                    // Whichever comes first; the other one is withdrawn.
                    await withTaskGroup { group in
                        group.addTask {
                            _ = try? await step.waitForEvent(
                                "first", Said<AnswerName>.self, match: "data.key", timeout: timeout)
                        }
                        group.addTask {
                            _ = try? await step.waitForEvent(
                                "other", Said<OtherName>.self, match: "data.key", timeout: timeout)
                        }
                        await group.next()
                        group.cancelAll()
                    }
                case 3:
                    // Answered, or out of time, while the process has the run.
                    async let answer = step.waitForEvent(
                        "answer", Said<AnswerName>.self, match: "data.key", timeout: timeout)
                    for number in 0..<3 { try await work("side-\(number)", step) }
                    _ = try await answer
                default:
                    _ = try await step.waitForEvent(
                        "answer", Said<AnswerName>.self, match: "data.key", timeout: timeout)
                }
                if event.data.mode == 4 { throw NonRetryableError("asked for") }
                try await work("b", step)
            }
    }

    /// Invokes a task, and goes on whatever becomes of it.
    private var parent: FunctionDefinition {
        let task = task
        return Function("parent", on: Said<ParentName>.self)
            .cancelOn(Said<CancelName>.self, match: \.key)
            .retries(Self.patient)
            .onCancel { _, step in try await work("told", step) }
            .run { event, step in
                let data = Said<TaskName>(
                    key: event.data.key, level: event.data.level, lot: event.data.lot, nap: event.data.nap)
                do {
                    _ = try await step.invoke(
                        "task", task, with: data, as: Int.self,
                        timeout: event.data.mode == 1 ? .milliseconds(event.data.nap / 2 + 1) : nil,
                        cancelsWithParent: event.data.mode != 2)
                } catch is StepError {}
                try await work("b", step)
            }
    }

    /// Invoked by parents: naps, and fails at times.
    private var task: FunctionDefinition {
        Function("task", on: Said<TaskName>.self).retries(Self.patient).run { event, step in
            try await work("a", step)
            try await step.sleep("nap", for: .milliseconds(event.data.nap))
            if event.data.nap % 10 == 0 { throw NonRetryableError("nap \(event.data.nap)") }
            try await work("b", step)
            return event.data.nap
        }
    }

    /// Has to begin and to end in time.
    private var limited: FunctionDefinition {
        Function("limited", on: Said<LimitedName>.self)
            .timeouts(start: HistoryRules.startLimit, finish: HistoryRules.finishLimit)
            .retries(Self.patient)
            .run { event, step in
                try await work("a", step)
                try await step.sleep("nap", for: .milliseconds(event.data.nap))
                try await work("b", step)
            }
    }

    /// Never ends in time. On a slow machine those that have to begin in time as well may not even begin.
    private var endless: FunctionDefinition {
        Function("endless", on: Said<EndlessName>.self)
            .timeouts(finish: HistoryRules.finishLimit)
            .retries(Self.patient)
            .run { _, step in
                try await work("a", step)
                try await step.sleep("nap", for: HistoryRules.finishLimit * 10)
                try await work("b", step)
            }
    }

    /// Hears of every cancelled run.
    private var audit: FunctionDefinition {
        Function("audit", on: .name("inngest/function.cancelled")).run { _, step in try await work("hear", step) }
    }

    private static let patient = RetryPolicy(
        maxRetries: 20, backoff: .constant(.milliseconds(20)), jitter: .milliseconds(20))

    @Sendable private func work(_ id: String, _ step: Step) async throws {
        try await step.run(id) {
            journal.executed(step.runID, id)
            if Int.random(in: 0..<40) == 0 { throw Flaky() }
        }
    }
}
