import Foundation
import Nightjar

/// The names of a history's events.
protocol HistoryName: Sendable {
    static var text: String { get }
}

/// An event of a history. All kinds say the same, so that each rule can compare anything.
struct Said<Name: HistoryName>: EventData {
    static var eventName: String { Name.text }
    var key: String
    var level = Int.random(in: 0...3)
    /// What bulk cancels go by.
    var lot = Int.random(in: 0..<40)
    /// Milliseconds, for whatever takes time.
    var nap = 0
    var mode = 0
}

enum PostName: HistoryName { static let text = "history/post" }
enum AskName: HistoryName { static let text = "history/ask" }
enum ParentName: HistoryName { static let text = "history/parent" }
enum TaskName: HistoryName { static let text = "history/task" }
enum LimitedName: HistoryName { static let text = "history/limited" }
enum EndlessName: HistoryName { static let text = "history/endless" }
enum ChildName: HistoryName { static let text = "history/child" }
enum CancelName: HistoryName { static let text = "history/cancel" }
enum RecallName: HistoryName { static let text = "history/recall" }
enum LateName: HistoryName { static let text = "history/late" }
enum AnswerName: HistoryName { static let text = "history/answer" }
enum OtherName: HistoryName { static let text = "history/other" }

/// What ends and what answers a run of a history, written down a second time: without expressions, keys and SQL.
enum HistoryRules {
    /// For how long a policy on `history/late` listens.
    static let lateness = Duration.milliseconds(400)
    static let startLimit = Duration.milliseconds(150)
    static let finishLimit = Duration.milliseconds(400)

    /// What starts a function's runs; nil: only who invokes it does, or a system event.
    static let triggers = [
        PostName.text: "post", AskName.text: "ask", ParentName.text: "parent", LimitedName.text: "limited",
        EndlessName.text: "endless", ChildName.text: "child",
    ]
    /// The functions that have a handler of their cancellation.
    static let handled: Set = ["ask", "parent"]

    typealias Run = HistoryRecord.Run
    typealias Event = HistoryRecord.Event

    /// Whether an event cancels a run; that it is in time is somebody else's question.
    static func cancels(_ run: Run, _ event: Event) -> Bool {
        guard event.seq > run.seq, event.key == run.trigger.key else { return false }
        return switch (run.function, event.name) {
        case ("post", CancelName.text), ("ask", CancelName.text), ("parent", CancelName.text): true
        case ("post", PostName.text), ("post", LateName.text): true
        case ("post", RecallName.text): event.level > run.trigger.level
        default: false
        }
    }

    /// Until when an event of a name cancels a run; nil: as long as it lives.
    static func listens(_ run: Run, to name: String) -> Date? {
        name == LateName.text ? run.idTime + lateness / .seconds(1) : nil
    }

    /// Whether an event answers a step of a run; that it is young enough and in time is somebody else's question.
    static func answers(_ step: String, of run: Run, _ event: Event) -> Bool {
        guard event.key == run.trigger.key else { return false }
        return switch step {
        case "answer", "first": event.name == AnswerName.text
        case "good": event.name == AnswerName.text && event.level >= run.trigger.level
        case "other": event.name == OtherName.text
        default: false
        }
    }

    /// Whether somebody who listens to the ends of runs in general hears of this one's.
    static func isLoud(_ run: Run) -> Bool {
        !run.trigger.name.hasPrefix("inngest/function.") || run.trigger.name == "inngest/function.invoked"
    }
}

/// What a bulk cancel of a history means.
struct HistoryBulk: Sendable {
    var lot: Int
    var function: String?
    var includesNew: Bool

    func means(_ run: HistoryRecord.Run) -> Bool {
        run.trigger.lot == lot && (function == nil || function == run.function)
    }
}
