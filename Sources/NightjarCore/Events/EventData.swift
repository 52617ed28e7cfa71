/// The data of one kind of event.
///
/// ```swift
/// struct PostScheduled: EventData {
///     static let eventName = "blog/post.scheduled"
///     var postID: String
///     var scheduledAt: Date
/// }
/// ```
public protocol EventData: Codable, Sendable {
    /// The name of the events that carry this data: 1 to 255 characters, by convention `area/subject.verb`.
    static var eventName: String { get }
}
