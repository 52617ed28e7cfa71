import Foundation

@testable import Nightjar

extension HistoryChecker {
    /// Waits that ended with an event that does not match them, or is too old.
    func wrongAnswers() -> [String] {
        waits { run, step, closed in
            guard !step.failed else {
                return step.errorCode == "withdrawn" && run.trigger.mode == 2 ? nil : "failed"
            }
            guard let id = step.eventID else { return nil }
            guard let event = record.eventsByPublicID[id] else { return "its event is not there" }
            guard HistoryRules.answers(step.step, of: run, event) else { return "\(event) does not match" }
            return event.seq > closed.since ? nil : "\(event) is too old"
        }
    }

    /// Waits that timed out although an event that answers them had been acknowledged in time.
    func lostWakeUps() -> [String] {
        waits { run, step, closed in
            guard step.isTimedOut else { return nil }
            return (record.eventsByKey[run.trigger.key] ?? []).first { event in
                guard let at = event.acknowledgedAt, at < closed.dueAt, at < step.recordedAt else { return false }
                return event.seq > closed.since && HistoryRules.answers(step.step, of: run, event)
            }.map { "timed out at \(step.recordedAt), due \(closed.dueAt), in spite of \($0)" }
        }
    }

    /// Waits that ended before their time without an event.
    func earlyTimeouts() -> [String] {
        waits { _, step, closed in
            step.isTimedOut && step.recordedAt < closed.dueAt ? "timed out at \(step.recordedAt)" : nil
        }
    }

    /// Invocations that ended otherwise than the runs that they started.
    func wrongResults() -> [String] {
        var children: [String: [HistoryRecord.Run]] = [:]
        for run in record.runs.values where run.parent != nil && run.rerunOf == nil {
            children["\(run.parent?.uuidString ?? "") \(run.parentStep ?? "")", default: []].append(run)
        }
        var wrong = children.filter { $0.value.count != 1 }.map { "\($0.value.count) runs for \($0.key)" }
        for step in record.steps.values.joined() where step.kind == 5 {
            // What was copied from an older run has its child there.
            guard record.closed[step.run]?[step.step] != nil else { continue }
            guard let child = children["\(step.run.uuidString) \(step.step)"]?.first else {
                wrong.append("\(step) has started nothing")
                continue
            }
            let fits =
                if !step.failed {
                    child.status == "completed" && child.output == step.output
                } else if step.errorCode == "invoked_cancelled" {
                    child.status == "cancelled"
                } else if step.isTimedOut {
                    child.endedAt > (record.closed[step.run]?[step.step]?.dueAt ?? .distantFuture) - 0.1
                } else {
                    child.status == "failed" && child.errorCode == step.errorCode
                }
            if !fits { wrong.append("\(step) of \(child)") }
        }
        return wrong
    }

    private func waits(
        _ problem: (HistoryRecord.Run, HistoryRecord.Step, HistoryRecord.Closed) -> String?
    ) -> [String] {
        record.steps.values.joined().filter { $0.kind == 4 }.compactMap { step in
            guard let run = record.runs[step.run], let closed = record.closed[step.run]?[step.step] else { return nil }
            return problem(run, step, closed).map { "\(step.step) of \(run.function) \(run.id): \($0)" }
        }
    }
}
