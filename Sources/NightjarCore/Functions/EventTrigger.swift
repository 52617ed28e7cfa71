/// The name of events that start a function, such as `blog/post.scheduled` or `app/user.*`.
///
/// A `*` stands for any rest of the name; it may only be the last character, after `/` or `.`.
public struct EventTrigger: Sendable, Hashable {
    let event: String

    /// Starts the function for events of this name, or of every name that the wildcard covers.
    public static func name(_ name: String) -> EventTrigger { EventTrigger(event: name) }

    /// Starts the function for events that carry `type`.
    public static func event<Data: EventData>(_ type: Data.Type) -> EventTrigger {
        EventTrigger(event: Data.eventName)
    }
}
