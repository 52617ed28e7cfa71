internal import Nightjar
internal import NightjarCore

/// What starts a function.
struct ConfigTriggers {
    static let most = 10

    private struct Event {
        var name: String
        var text: String?
        var condition: JSON?
        /// Set for the handler of a function's failures: that function's slug.
        var source: String?
    }

    /// By event name, in the order of their appearance. Several triggers of one name are alternatives.
    private var events: [Event] = []
    /// As `nightjar.sync` takes them.
    private(set) var crons: [JSON] = []

    init(_ fields: ConfigFields) throws(SyncProblem) {
        let triggers = fields.list("triggers")
        guard (1...Self.most).contains(triggers.count) else {
            throw SyncProblem("triggers", "must be 1 to \(Self.most); there are \(triggers.count)")
        }
        for (index, trigger) in triggers.enumerated() {
            let trigger = try ConfigFields(trigger, at: "triggers[\(index)]")
            if let cron = try trigger.text("cron") {
                try add(cron: cron, trigger)
            } else if let event = try trigger.text("event") {
                try add(event: event, trigger)
            } else {
                throw SyncProblem(trigger.path, "must have an event or a cron")
            }
        }
    }

    private mutating func add(cron: String, _ trigger: ConfigFields) throws(SyncProblem) {
        do { _ = try CronExpression(cron) } catch {
            throw SyncProblem(.scheduleInvalid, trigger.place("cron"), "\"\(cron.prefix(100))\": \(error)")
        }
        guard !crons.contains(where: { $0["cron"]?.string == cron }) else {
            throw SyncProblem(.scheduleInvalid, trigger.place("cron"), "\"\(cron)\" is there twice")
        }
        let jitter = try trigger.duration(
            "jitter", in: .seconds(1) ... .seconds(300), "from 1s to 5m", code: .scheduleInvalid)
        crons.append(["cron": .string(cron), "jitter_ms": jitter.map { .integer($0.wholeMilliseconds) } ?? 0])
    }

    private mutating func add(event: String, _ trigger: ConfigFields) throws(SyncProblem) {
        if let problem = EventName.patternProblem(event) {
            throw SyncProblem(.eventNameInvalid, trigger.place("event"), problem)
        }
        let text = try trigger.text("expression")
        let expression = try text.map { text throws(SyncProblem) in
            try ConfigExpression.read(text, at: trigger.place("expression"))
        }
        let condition = expression?.root.stored
        guard let known = events.firstIndex(where: { $0.name == event }) else {
            events.append(Event(name: event, text: text, condition: condition, source: expression?.failingFunction))
            return
        }
        events[known].source = nil
        if let first = events[known].condition, let condition {
            events[known].condition = .array(["||", first, condition])
            events[known].text = "(\(events[known].text ?? "")) || (\(text ?? ""))"
        } else {
            events[known].condition = nil
            events[known].text = nil
        }
    }

    /// As `nightjar.register` takes them.
    func entries(app: String) -> [JSON] {
        events.map { event in
            // Runs of an end's handler are started by the ends of one function, rather than by trying all ends.
            let source = event.name == "inngest/function.failed" ? event.source : nil
            return [
                "source": source.flatMap { FunctionConfig.name(of: $0, in: app) }.map { .string($0) } ?? .null,
                "event": .string(event.name), "text": event.text.map { .string($0) } ?? .null,
                "condition": event.condition ?? .null,
            ]
        }
    }
}

extension EventExpression {
    /// The slug in `event.data.function_id == 'slug'`; nil when the expression is another one.
    fileprivate var failingFunction: String? {
        guard case .binary(.equal, let left, let right) = root.content else { return nil }
        for (path, value) in [(left, right), (right, left)] {
            if case .path(.event, ["data", "function_id"]) = path.content { return value.constant?.string }
        }
        return nil
    }
}
