/// What was promised for a post.
struct Promise {
    var post: String
    var whatWasDone: String
    var runs: [String] = ["completed"]
    /// Published once, not before this many seconds; nil: never.
    var publishedAt: Double?
    /// Whether a second worker had to execute the step again.
    var isTakenOver = false

    static let all = [
        Promise(post: "hello", whatWasDone: "scheduled", publishedAt: 4),
        Promise(post: "secret", whatWasDone: "scheduled, cancelled", runs: ["cancelled"]),
        Promise(
            post: "launch", whatWasDone: "scheduled, rescheduled twice", runs: ["cancelled", "cancelled", "completed"],
            publishedAt: 7),
        Promise(post: "changelog", whatWasDone: "scheduled in plain SQL", publishedAt: 5),
        Promise(post: "ghost", whatWasDone: "scheduled in plain SQL, rolled back", runs: []),
        Promise(
            post: "long-read", whatWasDone: "scheduled, its worker killed", publishedAt: 5.5, isTakenOver: true),
    ]

    /// What is not as promised; nil when all is.
    func broken(by outcome: PostOutcome) -> String? {
        if outcome.runs != runs { return "its runs should be \(runs)" }
        if outcome.published.count != (publishedAt == nil ? 0 : 1) {
            return "published \(outcome.published.count) times"
        }
        if let publishedAt, outcome.published[0] < publishedAt { return "published before \(publishedAt) s" }
        if isTakenOver, outcome.workers != 2 { return "executed by \(outcome.workers) workers, not by two" }
        return nil
    }
}
