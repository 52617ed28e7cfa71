import Foundation
import Nightjar

extension BulkCancel.State {
    var color: Style.Color {
        switch self {
        case .running: .cyan
        case .interrupted: .yellow
        case .done: .green
        }
    }
}

extension BulkCancel {
    /// How far it has come, in a few words.
    var progress: String {
        let more = requested > 0 ? ", \(requested) more asked for" : ""
        return "\(examined) looked at, \(cancelled) cancelled\(more)"
    }

    /// How it stands, in a sentence, with what can be done.
    var standing: String {
        switch state {
        case .done: "Done: \(progress)."
        case .running: "Running: \(progress). It can be interrupted: nightjar cancel --interrupt \(id.text)"
        case .interrupted: "Interrupted: \(progress). To go on: nightjar cancel --resume \(id.text)"
        }
    }

    /// Which runs it means, in the words of the command line.
    func meaning(_ time: TimeText) -> String {
        var parts: [String] = []
        if let function = filter.function { parts.append("--function \(function)") }
        if let app = filter.app { parts.append("--app \(app)") }
        parts += filter.statuses.map { "--status \($0.rawValue)" }.sorted()
        if let after = filter.createdAfter { parts.append("--after \(Timestamp.text(of: after))") }
        if let before = filter.createdBefore { parts.append("--before \(Timestamp.text(of: before))") }
        if let expression = filter.expression { parts.append("--if \"\(expression)\"") }
        if let path { parts.append("SQL path \(path)") }
        if parts.isEmpty { parts.append("--all") }
        if includesNew { parts.append("--include-new") }
        return parts.joined(separator: " ")
    }

    var json: JSON {
        [
            "id": .string(id.text), "state": .string(state.rawValue), "function": JSON(text: filter.function),
            "app": JSON(text: filter.app),
            "statuses": .array(filter.statuses.map(\.rawValue).sorted().map { .string($0) }),
            "created_after": JSON(time: filter.createdAfter), "created_before": JSON(time: filter.createdBefore),
            "if": JSON(text: filter.expression), "path": JSON(text: path), "includes_new": .bool(includesNew),
            "actor": .string(actor), "reason": JSON(text: reason), "asked_at": JSON(time: askedAt),
            "advanced_at": JSON(time: advancedAt), "ended_at": JSON(time: endedAt),
            "examined": .integer(Int64(examined)),
            "cancelled": .integer(Int64(cancelled)), "requested": .integer(Int64(requested)),
        ]
    }
}
