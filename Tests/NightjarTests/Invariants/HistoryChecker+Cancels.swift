import Foundation

@testable import Nightjar

extension HistoryChecker {
    /// Cancelled runs whose cause does not justify it.
    func unjustifiedCancels() -> [String] {
        record.runs.values.compactMap { run in
            guard let cause = run.cause else { return run.status == "cancelled" ? "\(run.id) has no cause" : nil }
            guard let problem = problem(of: cause, with: run) else { return nil }
            return "\(run.function) \(run.id): \(problem) (\(cause))"
        }
    }

    private func problem(of cause: HistoryRecord.Cause, with run: HistoryRecord.Run) -> String? {
        switch cause.kind {
        case "event":
            guard let event = cause.eventID.flatMap({ record.events[$0] }) else { return "its event is not there" }
            if !HistoryRules.cancels(run, event) { return "\(event.name) does not cancel it" }
            let end = HistoryRules.listens(run, to: event.name) ?? .distantFuture
            return cause.askedAt < end ? nil : "the policy had timed out"
        case "manual":
            return cause.actor == "hand" && journal.askedByHand[run.id] != nil ? nil : "nobody asked for it"
        case "bulk":
            guard let bulk = cause.bulk.flatMap({ record.bulks[$0] }), let asked = journal.bulks[bulk.tag] else {
                return "nobody asked for it"
            }
            if !asked.means(run) { return "the request is for \(asked)" }
            return asked.includesNew || run.seq < bulk.upto ?? 0 ? nil : "the request is for older runs"
        case "timeout":
            guard ["limited", "endless"].contains(run.function) else { return "its time is not limited" }
            guard let startedAt = run.startedAt else {
                guard run.function == "limited" else { return "it may begin at any time" }
                let isUp = cause.appliedAt - run.createdAt >= HistoryRules.startLimit / .seconds(1)
                return cause.timeout == "start" && isUp ? nil : "it had time to start"
            }
            let isUp = cause.appliedAt - startedAt >= HistoryRules.finishLimit / .seconds(1)
            return cause.timeout == "finish" && isUp ? nil : "it had time to finish"
        case "parent":
            guard let parent = run.parent, cause.parent == parent, let step = run.parentStep else {
                return "it has another parent"
            }
            guard record.runs[parent]?.status == "cancelled" else { return "its parent was not cancelled" }
            guard record.closed[parent]?[step]?.cascades == true else { return "its parent lets it go on" }
            return waited(parent, step) ? nil : "its parent did not wait for it"
        default:
            return "no such kind"
        }
    }

    /// What runs recorded although a cancel that hits them had been acknowledged before: their own step of an event that
    /// matches, by hand, or of a request that was done. An end has a step that is recorded with it.
    func recordsAfterCancels() -> [String] {
        let bulks = record.bulks.values.compactMap { bulk in
            bulk.endedAt.flatMap { end in journal.bulks[bulk.tag].map { (bulk, asked: $0, end) } }
        }
        return record.runs.values.compactMap { run in
            guard
                let last = record.steps[run.id]?.filter({ $0.run == run.id }).max(by: { $0.recordedAt < $1.recordedAt })
            else { return nil }
            for event in record.eventsByKey[run.trigger.key] ?? [] {
                guard let at = event.acknowledgedAt, at < last.recordedAt, HistoryRules.cancels(run, event),
                    at < HistoryRules.listens(run, to: event.name) ?? .distantFuture
                else { continue }
                return "\(run.function) \(run.id) recorded \(last) after \(event)"
            }
            if let at = journal.askedByHand[run.id] ?? nil, at < last.recordedAt {
                return "\(run.function) \(run.id) recorded \(last) after it was cancelled by hand at \(at)"
            }
            for (bulk, asked, end) in bulks where end < last.recordedAt && asked.means(run) {
                // One whose own transaction was under way may have been passed by.
                guard let begun = run.trigger.acknowledgedAt, run.rerunOf == nil, begun < bulk.askedAt else { continue }
                return "\(run.function) \(run.id) recorded \(last) after \(bulk) was done"
            }
            return nil
        }
    }

    /// Children that recorded something although their parents, who waited for them, had been cancelled.
    func childrenThatWentOn() -> [String] {
        record.closed.flatMap { parent, closed in
            closed.compactMap { step, invocation -> String? in
                guard record.runs[parent]?.status == "cancelled", invocation.cascades, waited(parent, step),
                    let child = invocation.child.flatMap({ record.runs[$0] })
                else { return nil }
                // The cancel of the parent asks for that of the child, with its own commit.
                let committed = invocation.at + 1
                let late = record.steps[child.id]?.filter { $0.recordedAt > committed } ?? []
                guard !late.isEmpty || child.status != "cancelled" && child.endedAt > committed else { return nil }
                return "\(child) went on after \(invocation.at): \(late)"
            }
        }
    }

    /// Whether a run waited for an invoked one until its own end.
    private func waited(_ parent: UUID, _ step: String) -> Bool {
        guard let closed = record.closed[parent]?[step], !closed.isAnswered else { return false }
        return record.steps[parent]?.contains { $0.step == step } != true
    }
}

private func - (later: Date, earlier: Date) -> TimeInterval { later.timeIntervalSince(earlier) }
