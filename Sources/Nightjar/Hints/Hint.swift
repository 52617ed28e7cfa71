internal import Foundation

/// A word on the channel `nightjar`, sent after a commit so that somebody looks sooner than at the next poll. Nothing
/// depends on its arrival.
enum Hint: Hashable, Sendable {
    /// Runs became ready, or will be at a time that lies ahead.
    case ready
    /// An event's keys wait to be applied to the match index.
    case pending
    /// Others insert at the same time and may not say so; see migration 0017.
    case more
    /// Events are gathered for runs that are to start later.
    case gathered
    /// A session's run was cancelled.
    case cancelled(session: UUID, run: UUID)
    /// An open step of a session's run was answered.
    case answered(session: UUID, run: UUID)

    /// The channel, in every database that holds the schema.
    static let channel = "nightjar"

    /// PostgreSQL refuses payloads of 8,000 bytes and more.
    static let payloadLimit = 7_900

    /// Packs hints into as few payloads as hold them: words separated by spaces; cancelled runs grouped by what and session.
    static func payloads(of hints: some Sequence<Hint>) -> [String] {
        var words: [String] = []
        var runs: [String: [UUID]] = [:]
        for hint in Set(hints) {
            switch hint {
            case .ready: words.append("ready")
            case .pending: words.append("pending")
            case .more: words.append("more")
            case .gathered: words.append("gathered")
            case .cancelled(let session, let run): runs["cancelled:\(session.uuidString)", default: []].append(run)
            case .answered(let session, let run): runs["answered:\(session.uuidString)", default: []].append(run)
            }
        }
        var payloads = words.isEmpty ? [] : [words.sorted().joined(separator: " ")]
        for (what, runs) in runs {
            var payload = ""
            for run in runs {
                if payload.isEmpty {
                    payload = "\(what):\(run.uuidString)"
                } else {
                    payload += ",\(run.uuidString)"
                }
                if payload.utf8.count > payloadLimit - 37 {
                    payloads.append(payload)
                    payload = ""
                }
            }
            if !payload.isEmpty { payloads.append(payload) }
        }
        return payloads
    }

    /// Reads a payload. Words that a newer version may send are passed over.
    static func parse(_ payload: String) -> [Hint] {
        payload.split(separator: " ").flatMap { word -> [Hint] in
            switch word {
            case "ready": return [.ready]
            case "pending": return [.pending]
            case "more": return [.more]
            case "gathered": return [.gathered]
            default:
                let parts = word.split(separator: ":")
                guard parts.count == 3, let session = UUID(uuidString: String(parts[1])) else { return [] }
                let runs = parts[2].split(separator: ",").compactMap { UUID(uuidString: String($0)) }
                switch parts[0] {
                case "cancelled": return runs.map { .cancelled(session: session, run: $0) }
                case "answered": return runs.map { .answered(session: session, run: $0) }
                default: return []
                }
            }
        }
    }
}
