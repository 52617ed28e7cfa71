import Foundation
import Nightjar

/// Why, when and at what a run was cancelled, and what became of its code.
struct CancellationText {
    var timeline: RunTimeline
    var style: Style
    var time: TimeText

    /// Empty for a run that was not cancelled.
    var lines: [String] {
        guard timeline.run.status == .cancelled, let cause = timeline.run.cause else { return [] }
        return why(cause) + when(cause) + execution
    }

    private func field(_ name: String, _ text: String) -> String { Field.line(name, text, style) }

    private func why(_ cause: Outcome.Cancellation) -> [String] {
        var lines: [String] = []
        if let event = timeline.cancellingEvent {
            lines.append(field("cause", "event \(event.name)  \(event.publicID)  \(event.data.line)"))
        } else {
            // Who asked is part of the description; the reason has a line of its own.
            var plain = cause
            plain.reason = nil
            lines.append(field("cause", plain.description))
        }
        if let policy = timeline.policy { lines.append(field("policy", policy.text(time))) }
        if let reason = cause.reason { lines.append(field("reason", reason)) }
        return lines
    }

    private func when(_ cause: Outcome.Cancellation) -> [String] {
        var lines: [String] = []
        if let asked = cause.askedAt { lines.append(field("asked", time.exactMoment(asked))) }
        if let applied = cause.appliedAt {
            let later = cause.askedAt.map { ", \(TimeText.duration(applied.timeIntervalSince($0))) later" } ?? ""
            lines.append(field("applied", time.exactMoment(applied) + later))
        }
        if let was = cause.was {
            let steps = cause.open.isEmpty ? "" : ", step \(cause.open.joined(separator: ", "))"
            lines.append(field("it was", was + steps))
        }
        return lines
    }

    private var execution: [String] {
        guard let interruption = timeline.interruption else { return [] }
        let steps = interruption.steps.isEmpty ? "no step" : interruption.steps.joined(separator: ", ")
        let told = interruption.toldAt == nil ? "; it has not heard of the cancel" : ""
        var lines = [field("executing", "\(steps), in worker \(interruption.worker)\(told)")]
        if let ended = interruption.endedAt {
            let later = TimeText.duration(ended.timeIntervalSince(interruption.at))
            lines.append(field("stopped", "\(time.exactMoment(ended)), \(later) after that"))
        } else if interruption.workerIsGone {
            lines.append(field("stopped", "with its worker, which is gone; nobody knows when"))
        } else {
            let since = TimeText.duration(Date().timeIntervalSince(interruption.at))
            lines.append(field("stopped", "not yet: it executes \(since) later; nothing of it is recorded"))
        }
        return lines
    }
}
