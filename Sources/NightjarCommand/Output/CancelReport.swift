import Foundation
import Nightjar

/// What became of the cancel of one run.
struct CancelReport {
    var id: UUID
    var answer: CancelAnswer
    /// How it stood at the end of the wait; nil: nobody waited.
    var stop: RunStop?

    var isAsWanted: Bool {
        switch (answer, stop) {
        case (.cancelled, nil), (.requested, nil), (.cancelled, .stopped), (.requested, .stopped): true
        default: false
        }
    }

    var text: String {
        switch (answer, stop) {
        case (.unknown, _): "There is no run \(id.text)."
        case (.ended, nil), (.ended, .stopped): "It has ended already; see 'nightjar run \(id.text)'."
        case (.cancelled, nil): "Cancelled."
        case (.requested, nil): "Cancelled: a worker executes it, and records nothing more of it."
        case (_, .stopped): "Cancelled, and nothing of it executes any more."
        case (_, .executing(_, let code)):
            "Cancelled, and nothing more of it is recorded; but \(code.text)."
        case (_, .unfinished(let run)):
            "Asked for, but the run is still \(run.status.rawValue): somebody holds its row locked; see 'nightjar doctor'."
        }
    }

    var json: JSON {
        var json: [String: JSON] = ["id": .string(id.text), "answer": .string(answer.rawValue)]
        if let stop {
            json["status"] = .string(stop.run.status.rawValue)
            json["stopped"] = .bool(false)
            json["executing"] = .null
            switch stop {
            case .stopped: json["stopped"] = .bool(true)
            case .executing(_, let code): json["executing"] = code.json
            case .unfinished: break
            }
        }
        return .object(json)
    }
}

extension RemainingExecution {
    fileprivate var text: String {
        let what = steps.isEmpty ? "its code" : "step \(steps.map { PlainText.line($0) }.joined(separator: ", "))"
        let time = TimeText.duration(Date().timeIntervalSince(since))
        let told = toldAt == nil ? ", which has not heard of it" : ""
        return "\(what) still executes \(time) later, in worker \(PlainText.line(worker))\(told)"
    }

    fileprivate var json: JSON {
        [
            "worker": .string(worker), "steps": .array(steps.map { .string($0) }), "since": JSON(time: since),
            "told_at": JSON(time: toldAt),
        ]
    }
}
