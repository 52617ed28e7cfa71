internal import Foundation
internal import NightjarCore

/// A span of a run's trace: the run, a step of it, or an attempt of a step.
struct TraceSpan: Sendable {
    var name: String
    var run: RunEntry
    /// The step's kind; nil for the run and for its return.
    var kind: StepKind?
    /// The key of the step; nil for the run.
    var stepID: String?
    var status: String
    var attempts: Int
    var queuedAt: Date
    var startedAt: Date?
    var endedAt: Date?
    /// Under which `runTraceSpanOutputByID` finds what came out; nil: nothing did.
    var outputID: TraceOutputID?
    var children: [TraceSpan] = []
    var isRoot = false
    var stepType: String?

    /// The span's id, the same whenever it is asked for.
    var id: String {
        let text = "\(run.id.uuidString).\(stepID ?? "").\(name).\(isRoot)"
        return Array(Digest.sha256(Array(text.utf8)).prefix(8)).hex
    }

    var traceID: String { run.id.uuidString.lowercased().replacing("-", with: "") }
}

extension TraceSpan {
    /// The trace of a run: one span a step in the order in which they began, failed attempts below theirs, and what the
    /// function returned at the end.
    init(_ run: RunEntry, _ entries: [StepEntry]) {
        self.init(
            name: run.title ?? run.function, run: run, status: run.status.upper, attempts: 1, queuedAt: run.createdAt,
            startedAt: run.startedAt, endedAt: run.endedAt,
            outputID: run.result == nil ? nil : TraceOutputID(run: run.id, step: nil, attempt: nil), isRoot: true)
        let attempts = Dictionary(grouping: entries.filter { $0.part == .attempt }, by: \.key)
        var ended: Set<String> = []
        for entry in entries where entry.part != .attempt {
            ended.insert(entry.key)
            children.append(Self.step(entry, of: run, after: attempts[entry.key] ?? []))
        }
        // Steps that have failed and are made again: no more is known of them than that.
        for (key, failed) in attempts where !key.isEmpty && !ended.contains(key) {
            children.append(Self.retrying(key, failed, of: run))
        }
        children.sort { ($0.startedAt ?? $0.queuedAt) < ($1.startedAt ?? $1.queuedAt) }
        if run.status == .completed || run.status == .failed || attempts[""] != nil {
            children.append(Self.finalization(of: run, after: attempts[""] ?? []))
        }
    }

    private static func step(_ entry: StepEntry, of run: RunEntry, after failed: [StepEntry]) -> TraceSpan {
        let hasOutput = entry.part == .step && entry.kind != .sleep
        var span = TraceSpan(
            name: entry.title, run: run, kind: entry.kind, stepID: entry.key,
            status: entry.part == .open
                ? run.status.isEnd ? "CANCELLED" : "WAITING" : entry.failed ? "FAILED" : "COMPLETED",
            attempts: entry.attempt, queuedAt: failed.first?.startedAt ?? entry.startedAt,
            startedAt: failed.first?.startedAt ?? entry.startedAt, endedAt: entry.endedAt,
            outputID: hasOutput ? TraceOutputID(run: run.id, step: entry.key, attempt: nil) : nil)
        if entry.kind == .sleep, let due = entry.dueAt { span.endedAt = min(due, run.endedAt ?? due) }
        span.stepType = entry.kind.map { "step.\($0)" }
        if !failed.isEmpty {
            span.children = failed.map { attempt($0, of: run, name: entry.title) }
            span.children.append(
                TraceSpan(
                    name: "Attempt \(entry.attempt - 1)", run: run, kind: entry.kind, stepID: entry.key,
                    status: span.status, attempts: 1, queuedAt: entry.startedAt, startedAt: entry.startedAt,
                    endedAt: entry.endedAt, outputID: span.outputID))
        }
        return span
    }

    private static func retrying(_ key: String, _ failed: [StepEntry], of run: RunEntry) -> TraceSpan {
        let last = failed[failed.count - 1]
        return TraceSpan(
            name: last.title, run: run, kind: .run, stepID: key,
            status: run.status.isEnd ? run.status.upper : "RUNNING", attempts: failed.count,
            queuedAt: failed[0].startedAt,
            startedAt: failed[0].startedAt, endedAt: run.endedAt,
            outputID: TraceOutputID(run: run.id, step: key, attempt: last.attempt),
            children: failed.map { attempt($0, of: run, name: last.title) })
    }

    private static func attempt(_ entry: StepEntry, of run: RunEntry, name: String) -> TraceSpan {
        TraceSpan(
            name: "Attempt \(entry.attempt - 1)", run: run, kind: .run, stepID: entry.key, status: "FAILED",
            attempts: 1,
            queuedAt: entry.startedAt, startedAt: entry.startedAt, endedAt: entry.endedAt,
            outputID: TraceOutputID(run: run.id, step: entry.key, attempt: entry.attempt))
    }

    private static func finalization(of run: RunEntry, after failed: [StepEntry]) -> TraceSpan {
        let at = failed.first?.startedAt ?? run.endedAt ?? run.startedAt ?? run.createdAt
        return TraceSpan(
            name: "Finalization", run: run, status: run.status.upper, attempts: failed.count + 1, queuedAt: at,
            startedAt: at, endedAt: run.endedAt,
            outputID: run.result == nil ? nil : TraceOutputID(run: run.id, step: nil, attempt: nil),
            children: failed.map { attempt($0, of: run, name: "Finalization") }, stepType: "FINALIZATION")
    }

    /// What kind of step it is, in the words of the schema; nil for what has none.
    var stepOperation: String? {
        switch kind {
        case .run, .sendEvent, .fetch: "RUN"
        case .sleep: "SLEEP"
        case .waitForEvent: "WAIT_FOR_EVENT"
        case .invoke: "INVOKE"
        case .infer: "AI_GATEWAY"
        case .waitForSignal: "WAIT_FOR_SIGNAL"
        case nil: nil
        }
    }
}
