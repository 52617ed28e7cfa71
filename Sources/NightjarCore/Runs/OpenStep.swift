package import Foundation

/// A step that waits for something from outside of the run.
package struct OpenStep: Sendable, Hashable {
    /// The step's key; see ``RecordedStep/step``.
    package var step: String
    /// What people call it, where that is not the key.
    package var name: String?
    /// `waitForEvent`, `invoke` or `waitForSignal`.
    package var kind: StepKind
    /// Set for a `waitForEvent` and a `waitForSignal`.
    package var wait: EventWait?
    /// Set for an `invoke`.
    package var invocation: Invocation?
    /// When it times out.
    package var dueAt: Date
    package var startedAt: Date

    package init(
        step: String, name: String? = nil, kind: StepKind, wait: EventWait? = nil, invocation: Invocation? = nil,
        dueAt: Date,
        startedAt: Date
    ) {
        self.step = step
        self.name = name
        self.kind = kind
        self.wait = wait
        self.invocation = invocation
        self.dueAt = dueAt
        self.startedAt = startedAt
    }
}

/// The events that a step waits for.
package struct EventWait: Sendable, Hashable, Codable {
    /// The name; may be a wildcard.
    package var event: String
    /// The match as its author wrote it; nil when any event of the name will do.
    package var text: String?
    package var branches: [MatchBranch]
    /// Whether events count that came after the run's own event, but before the step began.
    package var looksBack: Bool
    /// Set for a remote app's: it knows events by their ULIDs.
    package var remote: Bool?

    private enum CodingKeys: String, CodingKey {
        case event, text, branches, remote
        case looksBack = "look_back"
    }

    package init(event: String, text: String? = nil, branches: [MatchBranch], looksBack: Bool = false) {
        self.event = event
        self.text = text
        self.branches = branches
        self.looksBack = looksBack
    }
}

/// The function that a step starts, and whose end it waits for.
package struct Invocation: Sendable, Hashable, Codable {
    /// The function's app; nil: that of the run that invokes it.
    package var app: String?
    /// Remote apps name a function of any app by `<app>-<function>`, or by its UUID; the others here do not count then.
    package var slug: String?
    /// The function's id within its app.
    package var function: String
    /// The data of the event that the invoked run receives: a JSON object, as text.
    package var dataJSON: String
    /// Whether the invoked run is cancelled when the run that waits for it is.
    package var cancelsWithParent: Bool

    private enum CodingKeys: String, CodingKey {
        case app, function, slug
        case dataJSON = "data_json"
        case cancelsWithParent = "cancels_with_parent"
    }

    /// - Parameter slug: A function of any app, in place of `app` and `function`.
    package init(slug: String, dataJSON: String, cancelsWithParent: Bool = true) {
        self.init(function: slug, dataJSON: dataJSON, cancelsWithParent: cancelsWithParent)
        self.slug = slug
    }

    package init(app: String? = nil, function: String, dataJSON: String, cancelsWithParent: Bool = true) {
        self.app = app
        self.function = function
        self.dataJSON = dataJSON
        self.cancelsWithParent = cancelsWithParent
    }
}
