import Foundation
import Nightjar

extension Erasure.Preview {
    var json: JSON {
        [
            "events": .integer(events), "runs": .integer(runs), "live_runs": .integer(liveRuns),
            "first_at": JSON(time: firstAt), "last_at": JSON(time: lastAt), "answered": .integer(answered),
            "unreached": .integer(unreached), "untold": .integer(untold),
        ]
    }

    var lines: [String] {
        var lines = ["Nothing is meant."]
        if events + runs > 0 {
            let time = TimeText()
            var span = ""
            if let firstAt, let lastAt { span = " from \(time.moment(firstAt)) to \(time.moment(lastAt))" }
            lines = ["\(events) events\(span) and \(runs) runs, of which \(liveRuns) have not ended."]
        }
        if answered > 0 { lines.append("\(answered) steps of other runs hold such an event, and would be blanked.") }
        lines += Erasure.unrecognized(runs: unreached, events: untold)
        return lines
    }

    /// Whether there is nothing to erase.
    var isEmpty: Bool { events + runs + answered == 0 }
}

extension Erasure.Standing {
    var json: JSON {
        [
            "done": .bool(isDone), "events": .integer(events), "runs": .integer(runs), "answered": .integer(answered),
            "sent": .integer(sent), "unreached": .integer(unreached), "untold": .integer(untold),
            "ids_until": JSON(time: idsUntil), "waits_for": JSON(text: waitsFor),
        ]
    }

    /// Whether there was nothing to erase.
    var isEmpty: Bool { isDone && events + runs + answered == 0 }

    /// What was done, and what was not.
    var lines: [String] {
        var lines = ["\(events) events and \(runs) runs are erased\(isDone ? "." : " so far.")"]
        if isEmpty { lines = ["Nothing is meant."] }
        if !isDone {
            let cause = waitsFor.map { ": it waits for \($0)" } ?? ""
            lines.append("It is not complete\(cause). Workers go on with it.")
        }
        if answered > 0 {
            lines.append(
                "\(answered) steps of other runs had taken such an event in, and are blank now. What those runs made of it stays."
            )
        }
        if sent > 0 {
            lines.append(
                "\(sent) events that the runs had sent stay: they do not have the value. Erase them by one that they have."
            )
        }
        lines += Erasure.unrecognized(runs: unreached, events: untold)
        if let idsUntil, idsUntil > Date() {
            lines.append(
                "The ids that senders gave to such events are remembered until \(TimeText().moment(idsUntil)).")
        }
        return lines
    }
}

extension Erasure {
    /// What may be meant, and nobody can tell.
    fileprivate static func unrecognized(runs: Int64, events: Int64) -> [String] {
        var lines: [String] = []
        if runs > 0 {
            lines.append(
                "\(runs) runs could not be recognized, since their events are no longer kept. They go by the policy for runs, or by --before."
            )
        }
        if events > 0 {
            lines.append(
                "\(events) of Nightjar's own events could not be recognized, since their runs are no longer kept. They go by the policy for events, or by --before."
            )
        }
        if !lines.isEmpty { lines.append("Keep events and runs equally long, and none is left unrecognized.") }
        return lines
    }
}
