import Nightjar

extension CancelPolicyRecord {
    /// `blog/post.cancelled match data.postID, until 2030-01-01 09:30:00.000 +01:00`
    func text(_ time: TimeText) -> String {
        let end = listensUntil.map { ", until \(time.exactMoment($0))" } ?? ""
        return "\(event) \(match ?? pathText)\(end)"
    }

    /// What was registered before matches were kept as texts.
    private var pathText: String {
        guard !triggerPath.isEmpty else { return "(any)" }
        let (trigger, other) = (triggerPath.joined(separator: "."), eventPath.joined(separator: "."))
        return trigger == other ? "match \(trigger)" : "match \(trigger) with \(other)"
    }
}
