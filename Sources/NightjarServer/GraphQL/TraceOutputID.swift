internal import Foundation

/// Names what came out of a run, of a step, or of an attempt; opaque to clients.
struct TraceOutputID: Sendable {
    var run: UUID
    /// Nil: what the function returned.
    var step: String?
    /// Nil: that of the step's end.
    var attempt: Int?

    var text: String {
        var text = ULID.text(run)
        if let step { text += ".\(attempt.map(String.init) ?? "-").\(step)" }
        return Data(text.utf8).base64EncodedString()
    }
}

extension TraceOutputID {
    /// Reads what ``text`` made; nil when it is none.
    init?(text: String) {
        guard let data = Data(base64Encoded: text) else { return nil }
        let parts = String(decoding: data, as: UTF8.self).split(
            separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard let run = ULID.id(String(parts[0])) else { return nil }
        guard parts.count == 3 else {
            self.init(run: run)
            return
        }
        self.init(run: run, step: String(parts[2]), attempt: Int(parts[1]))
    }
}
