import Nightjar

extension CancelPolicyRecord {
    /// `blog/post.cancelled where data.postID = data.id`
    var text: String {
        guard !triggerPath.isEmpty else { return "\(event), any" }
        let (trigger, other) = (triggerPath.joined(separator: "."), eventPath.joined(separator: "."))
        return trigger == other
            ? "\(event) with the same \(trigger)" : "\(event) whose \(other) equals the run's \(trigger)"
    }
}
