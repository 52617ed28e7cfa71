/// The event that says that a run was cancelled.
package enum CancelEvent {
    package static let name = "inngest/function.cancelled"
}
