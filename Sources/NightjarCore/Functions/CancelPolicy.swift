/// A promise of a function: an event of this name that matches cancels the run.
package struct CancelPolicy: Sendable, Hashable {
    /// The name of the cancelling event; may be a wildcard.
    package var event: String
    /// Which of these events, as the author of the function wrote it; nil when every one cancels.
    package var text: String?
    /// An event cancels when it matches one of these.
    package var branches: [MatchBranch]
    /// After which the policy no longer listens; nil: as long as the run lives.
    package var timeout: PolicyTimeout?
    /// What its author should know, in words.
    package var warnings: [String]

    package init(event: String, match: Match, timeout: PolicyTimeout? = nil) {
        self.event = event
        self.text = match.text
        self.branches = match.branches
        self.timeout = timeout
        self.warnings = match.warnings
    }
}
