public import Foundation

extension Outcome {
    /// Why, when and at what a run was cancelled.
    public struct Cancellation: Sendable, Hashable {
        /// What cancelled it.
        public var kind: Kind
        /// The event that did, under the id by which it is stored.
        public var eventID: UUID?
        /// The name of that event.
        public var eventName: String?
        /// The number of the function's policy that it matched.
        public var policyID: Int?
        /// That policy as the author of the function wrote it, such as `match data.postID`.
        public var policy: String?
        /// Which limit the run exceeded.
        public var timeout: Limit?
        /// The run that had invoked it and was itself cancelled.
        public var parent: UUID?
        /// The cancellation of many runs at once that it was part of.
        public var bulkID: String?
        /// Who asked for it.
        public var actor: String?
        /// What was given as a reason.
        public var reason: String?
        /// When it was asked for.
        public var askedAt: Date?
        /// When the run ended by it.
        public var appliedAt: Date?
        /// What the run was doing then, such as `running` or `sleeping`.
        public var was: String?
        /// The worker process that was executing it.
        public var session: UUID?
        /// The steps that were executing then; empty when there were none or they are not known.
        public var executing: [String] = []
        /// The steps that waited for something from outside then: for an event, or for a run that they had invoked.
        public var open: [String] = []

        /// Describes a cancellation.
        public init(kind: Kind, eventID: UUID? = nil, eventName: String? = nil, reason: String? = nil) {
            self.kind = kind
            self.eventID = eventID
            self.eventName = eventName
            self.reason = reason
        }

        /// What cancels runs.
        public enum Kind: Sendable, Hashable {
            /// An event that matched a policy of the function.
            case event
            /// The run took longer than the function allows.
            case timeout
            /// Somebody asked for it.
            case manual
            /// Somebody asked for it, of many runs at once.
            case bulk
            /// The run that had invoked it was cancelled.
            case parent
            /// Something that a newer Nightjar knows.
            case other(String)
        }

        /// The limits of a function on its runs.
        public enum Limit: Sendable, Hashable {
            /// Until it starts.
            case start
            /// From its start until its end.
            case finish
            /// Something that a newer Nightjar knows.
            case other(String)
        }
    }
}

extension Outcome.Cancellation: CustomStringConvertible {
    /// The cause in one line, such as `event blog/post.cancelled` or `by hand: ada`.
    public var description: String {
        let cause =
            switch kind {
            case .event:
                ["event", eventName, eventID?.uuidString.lowercased()].compactMap(\.self).joined(separator: " ")
            case .timeout:
                switch timeout {
                case .start: "timeout: it did not start in time"
                case .finish: "timeout: it did not finish in time"
                case .other(let name): "timeout: \(name)"
                case nil: "timeout"
                }
            case .manual: "by hand: \(actor ?? "?")"
            case .bulk:
                ["bulk cancellation", bulkID, actor.map { "by \($0)" }].compactMap(\.self).joined(separator: " ")
            case .parent: "the run that invoked it\(parent.map { ", \($0.uuidString.lowercased())" } ?? "")"
            case .other(let name): name
            }
        return reason.map { "\(cause) (\($0))" } ?? cause
    }
}
