import Foundation
import Nightjar

struct PostScheduled: EventData {
    static let eventName = "blog/post.scheduled"
    var postID: String
    var scheduledAt: Date
}

struct PostCancelled: EventData {
    static let eventName = "blog/post.cancelled"
    var postID: String
}

/// Sleeps until a post is due and publishes it, unless the post is cancelled or scheduled anew before.
func publishPost(on blog: Blog) -> FunctionDefinition {
    Function("publish-post", on: PostScheduled.self)
        .cancelOn(PostCancelled.self, match: \.postID)
        .cancelOn(PostScheduled.self, match: \.postID)  // a newer schedule replaces this one
        .run { event, step in
            try await step.sleep("wait-for-publish-time", until: event.data.scheduledAt)
            return try await step.run("publish-post") { try await blog.publish(event.data.postID) }
        }
}
