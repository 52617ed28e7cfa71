import Foundation
import Nightjar
import Synchronization

/// The pattern that Nightjar exists for: schedule a post, cancel it, schedule it again.
struct PostScheduled: EventData {
    static let eventName = "blog/post.scheduled"
    var postID: String
    var scheduledAt: Date
}

struct PostCancelled: EventData {
    static let eventName = "blog/post.cancelled"
    var postID: String
}

/// Where posts get published, as far as a test is concerned.
final class Blog: Sendable {
    private let ids = Mutex<[String]>([])

    var published: [String] { ids.withLock { $0 } }

    var publishPost: FunctionDefinition {
        Function("publish-post", on: PostScheduled.self)
            .cancelOn(PostCancelled.self, match: \.postID)
            .cancelOn(PostScheduled.self, match: \.postID)
            .run { event, step in
                try await step.sleep("wait-for-publish-time", until: event.data.scheduledAt)
                return try await step.run("publish-post") {
                    self.ids.withLock { $0.append(event.data.postID) }
                    return event.data.postID
                }
            }
    }
}
