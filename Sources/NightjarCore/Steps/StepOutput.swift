/// Outputs of steps and functions on their way to and from JSON text.
enum StepOutput {
    /// Encodes an output and checks that it can be stored.
    ///
    /// - Parameters:
    ///   - owner: What produced the output, as the error names it.
    ///   - limit: The limit in bytes.
    static func text(_ value: some Encodable, of owner: String, limit: Int) throws(PermanentError) -> String {
        let text: String
        do {
            text = try JSONCoding.text(value)
        } catch {
            throw refusal("the output of \(owner) cannot be written as JSON: \(CodingFailure.text(error))")
        }
        if text.utf8.count > limit {
            throw refusal(
                "the output of \(owner) has \(text.utf8.count) bytes; the limit is \(limit). "
                    + "Store it elsewhere and return a reference, or raise outputLimit")
        }
        if JSONText.containsNUL(text) {
            throw refusal("the output of \(owner) contains a NUL character, which PostgreSQL cannot store; remove it")
        }
        return text
    }

    /// Decodes what was recorded for a step.
    static func value<T: Decodable>(_ type: T.Type, from text: String?, of step: String) throws(PermanentError) -> T {
        do {
            return try JSONCoding.value(type, from: text ?? "null")
        } catch {
            throw PermanentError(
                code: RunError.Code.replayMismatch,
                "step \"\(step)\" is recorded with an output that is no \(type): \(CodingFailure.text(error)). "
                    + "Was the step's type changed while the run was under way? Then give the step a new id")
        }
    }

    private static func refusal(_ message: String) -> PermanentError {
        PermanentError(code: RunError.Code.invalidOutput, message)
    }
}
