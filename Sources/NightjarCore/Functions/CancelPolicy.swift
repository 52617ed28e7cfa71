/// A promise of a function: an event of this name, where the fields match, cancels the run.
package struct CancelPolicy: Sendable, Hashable {
    /// The name of the cancelling event; may be a wildcard.
    package var event: String
    /// The field of the run's own event, from the event downwards; nil when every such event cancels.
    package var triggerPath: [String]?
    /// The field of the cancelling event.
    package var eventPath: [String]?

    package init(event: String, triggerPath: [String]?, eventPath: [String]?) {
        self.event = event
        self.triggerPath = triggerPath
        self.eventPath = eventPath
    }

    /// The canonical text of `triggerPath`, such as `data.postID`.
    package var triggerPathText: String? { triggerPath.map { FieldPath(elements: $0).text } }
    /// The canonical text of `eventPath`.
    package var eventPathText: String? { eventPath.map { FieldPath(elements: $0).text } }
}
