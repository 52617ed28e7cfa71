import Foundation
import Nightjar

/// A run's timeline for people.
struct TimelineText {
    var timeline: RunTimeline
    var style = Style.plain
    var time = TimeText()

    private var run: RunRecord { timeline.run }

    var lines: [String] {
        var lines = heading + ["", style.paint("TIMELINE", .bold)] + table.lines(style: style).map { "  \($0)" }
        let cancellation = CancellationText(timeline: timeline, style: style, time: time).lines
        if !cancellation.isEmpty { lines += ["", style.paint("CANCELLED", .bold)] + cancellation }
        return lines
    }

    private func field(_ name: String, _ text: String) -> String {
        Field.line(name, text, style)
    }

    private var heading: [String] {
        var lines = ["Run \(run.id.text)  \(style.paint(run.status.rawValue, run.status.color))"]
        lines.append(field("function", "\(run.app)/\(run.function)"))
        if let event = timeline.event {
            lines.append(field("event", "\(event.name)  \(event.publicID)  \(event.data.line)"))
        }
        lines.append(field("created", time.exactMoment(run.createdAt)))
        if let dueAt = run.dueAt, timeline.openSteps.isEmpty { lines.append(field("due", time.exactMoment(dueAt))) }
        lines += timeline.openSteps.map { field($0.title, $0.text(time)) }
        if let expiresAt = run.expiresAt {
            let what = run.startedAt == nil ? "begun" : "ended"
            lines.append(field("expires", "\(time.exactMoment(expiresAt)), if it has not \(what) by then"))
        }
        if let parent = run.parentRunID {
            lines.append(field("parent", "run \(parent.text)\(run.parentStep.map { ", step \($0)" } ?? "")"))
        }
        if let old = run.rerunOf { lines.append(field("repeats", "run \(old.text)")) }
        lines += timeline.reruns.map { field("repeated", "by run \($0.text)") }
        if let output = run.output { lines.append(field("output", output.line)) }
        if let error = run.error { lines.append(field("error", error.description)) }
        if let lease = timeline.lease {
            if let worker = lease.worker {
                let silent = lease.silentFor.map { TimeText.duration($0 / .seconds(1)) } ?? "?"
                let state = lease.isDead ? "died; the run goes to another one" : "heard of \(silent) ago"
                lines.append(field("worker", "\(worker), \(state)"))
            }
            if lease.deaths > 0 { lines.append(field("deaths", "\(lease.deaths) workers died with it")) }
        }
        lines += timeline.policies.map { field("cancel on", $0.text(time)) }
        return lines
    }

    private struct Entry {
        var at: Date
        var what: Table.Cell
        var attempt = ""
        var took = ""
        var result = Table.Cell("")
    }

    private var table: Table {
        var table = Table(
            "TIME", .init("AFTER", .right), .init("WHAT", limit: 60), .init("ATTEMPT", .right), .init("TOOK", .right),
            .init("RESULT", limit: 120))
        for entry in entries {
            table.rows.append([
                .init(time.clock(entry.at, on: run.createdAt)),
                .init("+" + TimeText.duration(entry.at.timeIntervalSince(run.createdAt))), entry.what,
                .init(entry.attempt), .init(entry.took), entry.result,
            ])
        }
        return table
    }

    private var entries: [Entry] {
        var entries = [Entry(at: run.createdAt, what: "created")]
        if let startedAt = run.startedAt { entries.append(Entry(at: startedAt, what: "taken by a worker")) }
        entries += timeline.steps.map(entry)
        if let endedAt = run.endedAt {
            let result = Table.Cell(run.error?.description ?? "", .red)
            entries.append(Entry(at: endedAt, what: .init(run.status.rawValue, run.status.color), result: result))
        }
        return entries
    }

    private func entry(_ step: StepRecord) -> Entry {
        let took = TimeText.duration(step.endedAt.timeIntervalSince(step.startedAt))
        let due = step.dueAt.map { time.clock($0, on: run.createdAt) } ?? "?"
        let error = step.error?.description ?? "failed"
        switch step.kind {
        case .sleep:
            return Entry(at: step.startedAt, what: .init("sleep \(step.title)"), result: .init("until \(due)"))
        case .attempt:
            let what = step.step.isEmpty ? "the function" : "step \(step.title)"
            return Entry(
                at: step.startedAt, what: .init(what), attempt: "\(step.attempt)", took: took,
                result: .init("\(error); again at \(due)", .yellow))
        case .run, .sendEvent, .waitForEvent, .invoke, .waitForSignal, .fetch, .infer:
            let result = step.failed ? Table.Cell(error, .red) : Table.Cell(step.output?.line ?? "")
            return Entry(
                at: step.startedAt, what: .init("\(step.kind.verb) \(step.title)"),
                attempt: "\(step.attempt)", took: took, result: result)
        }
    }
}

extension StepRecord {
    fileprivate var title: String { name ?? step }
}

extension StepRecord.Kind {
    fileprivate var verb: String {
        switch self {
        case .run, .attempt: "step"
        case .sleep: "sleep"
        case .sendEvent: "send"
        case .waitForEvent: "wait"
        case .invoke: "invoke"
        case .waitForSignal: "signal"
        case .fetch: "fetch"
        case .infer: "infer"
        }
    }
}

extension OpenStepRecord {
    fileprivate var title: String {
        switch awaited {
        case .event: "waits for"
        case .end: "invokes"
        }
    }

    fileprivate func text(_ time: TimeText) -> String {
        let end = dueAt.map { "until \(time.exactMoment($0))" } ?? "without a timeout"
        let standing = arrivedAt.map { "came \(time.exactMoment($0))" } ?? end
        switch awaited {
        case .event(let name, let match, let looksBack):
            let since = looksBack ? ", since the run began" : ""
            return "event \(name)\(match.map { " \($0)" } ?? "")\(since), \(standing); step \(step)"
        case .end(let app, let function, let run, let status, _):
            let child = run.map { ", run \($0.text)\(status.map { " (\($0.rawValue))" } ?? "")" } ?? ""
            return "\(app)/\(function)\(child), \(standing); step \(step)"
        }
    }
}
