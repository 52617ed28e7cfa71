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
        if run.status == .cancelled { lines += [""] + cancellation }
        return lines
    }

    private func field(_ name: String, _ text: String) -> String {
        "  " + style.paint(name.padding(to: 10), .dim) + PlainText.line(text)
    }

    private var heading: [String] {
        var lines = ["Run \(run.id.text)  \(style.paint(run.status.rawValue, run.status.color))"]
        lines.append(field("function", "\(run.app)/\(run.function)"))
        if let event = timeline.event {
            lines.append(field("event", "\(event.name)  \(event.publicID)  \(event.data.line)"))
        }
        lines.append(field("created", time.exactMoment(run.createdAt)))
        if let dueAt = run.dueAt { lines.append(field("due", time.exactMoment(dueAt))) }
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
        lines += timeline.policies.map { field("cancel on", $0.text) }
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
            return Entry(at: step.startedAt, what: .init("sleep \(step.step)"), result: .init("until \(due)"))
        case .attempt:
            let what = step.step.isEmpty ? "the function" : "step \(step.step)"
            return Entry(
                at: step.startedAt, what: .init(what), attempt: "\(step.attempt)", took: took,
                result: .init("\(error); again at \(due)", .yellow))
        case .run, .sendEvent, .waitForEvent, .invoke:
            let result = step.failed ? Table.Cell(error, .red) : Table.Cell(step.output?.line ?? "")
            return Entry(
                at: step.startedAt, what: .init("\(step.kind == .sendEvent ? "send" : "step") \(step.step)"),
                attempt: "\(step.attempt)", took: took, result: result)
        }
    }

    private var cancellation: [String] {
        guard let cause = run.cause else { return [] }
        var lines = [style.paint("CANCELLED", .bold)]
        if let event = timeline.cancellingEvent {
            lines.append(field("cause", "event \(event.name)  \(event.publicID)  \(event.data.line)"))
        } else {
            lines.append(field("cause", cause.description))
        }
        if let policy = timeline.policy { lines.append(field("policy", policy.text)) }
        if let asked = cause.askedAt { lines.append(field("asked", time.exactMoment(asked))) }
        if let applied = cause.appliedAt {
            let later = cause.askedAt.map { ", \(TimeText.duration(applied.timeIntervalSince($0))) later" } ?? ""
            lines.append(field("applied", time.exactMoment(applied) + later))
        }
        if let was = cause.was { lines.append(field("it was", was)) }
        return lines
    }
}
