internal import Foundation
internal import Nightjar
internal import NightjarCore

/// Which events cancel the runs of a function.
struct ConfigCancels {
    static let most = 5

    /// As `nightjar.register` takes them.
    private(set) var entries: [JSON] = []
    private(set) var warnings: [String] = []

    init(_ fields: ConfigFields) throws(SyncProblem) {
        let cancels = fields.list("cancel")
        guard cancels.count <= Self.most else {
            throw SyncProblem("cancel", "may have \(Self.most) entries at most; there are \(cancels.count)")
        }
        for (index, cancel) in cancels.enumerated() { try add(try ConfigFields(cancel, at: "cancel[\(index)]")) }
    }

    private mutating func add(_ cancel: ConfigFields) throws(SyncProblem) {
        let event = try cancel.requiredText("event")
        if let problem = EventName.patternProblem(event) {
            throw SyncProblem(.eventNameInvalid, cancel.place("event"), problem)
        }
        guard let match = try match(cancel) else { return }
        let timeout = try timeout(cancel)
        warnings += match.warnings.map { "\(cancel.path): \($0)" }
        guard let branches = try? JSONCoding.value(JSON.self, from: JSONCoding.text(match.branches)) else {
            throw SyncProblem(cancel.place("if"), "cannot be stored")
        }
        let entry: JSON = [
            "event": .string(event), "text": match.text.map { .string($0) } ?? .null, "branches": branches,
            "timeout_ms": timeout.milliseconds, "until": timeout.until,
            "warnings": .array(match.warnings.map { .string($0) }),
        ]
        if !entries.contains(entry) { entries.append(entry) }
    }

    /// Which of the events cancel; nil when none ever does.
    private mutating func match(_ cancel: ConfigFields) throws(SyncProblem) -> Match? {
        guard let text = try cancel.text("if") else { return .all }
        let expression: EventExpression
        do { expression = try EventExpression(text, scope: .match) } catch {
            throw ConfigExpression.problem(error, at: cancel.place("if"))
        }
        do {
            return try expression.match()
        } catch {
            warnings.append("\(cancel.place("if")): \(error.summary), so it cancels nothing")
            return nil
        }
    }

    /// A time span from the run's creation on, or an instant.
    private func timeout(_ cancel: ConfigFields) throws(SyncProblem) -> (milliseconds: JSON, until: JSON) {
        guard let value = cancel["timeout"], value != "" else { return (nil, nil) }
        if value.integer != nil || value.string.flatMap({ DurationText.parse($0) }) != nil {
            let duration = try cancel.duration(
                "timeout", in: .milliseconds(1) ... .seconds(100 * 366 * 86_400),
                "more than zero, and 100 years at most")
            return (duration.map { .integer($0.wholeMilliseconds) } ?? .null, nil)
        }
        guard let text = value.string, let date = try? JSONCoding.value(Date.self, from: JSONCoding.text(text)) else {
            throw SyncProblem(
                cancel.place("timeout"),
                "must be a time span such as \"1d12h\", or an instant such as \"2030-01-01T09:00:00Z\"")
        }
        return (nil, (try? JSONCoding.value(JSON.self, from: JSONCoding.text(date))) ?? nil)
    }
}

extension Duration {
    /// Milliseconds, rounded up.
    var wholeMilliseconds: Int64 { Int64((self / .milliseconds(1)).rounded(.up)) }
}
