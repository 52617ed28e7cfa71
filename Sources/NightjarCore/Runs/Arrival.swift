/// What came for an open step.
package struct Arrival: Sendable, Hashable {
    /// The step's key.
    package var step: String
    /// JSON text: the whole event, `{"id","name","data","user","ts"}`, or an invoked function's result.
    package var output: String?
    /// Set when the invoked function failed, was cancelled, or does not exist.
    package var error: RunError?

    package init(step: String, output: String? = nil, error: RunError? = nil) {
        self.step = step
        self.output = output
        self.error = error
    }
}
