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
    static func value<T: Decodable>(_ type: T.Type, of record: RecordedStep?) throws(PermanentError) -> T {
        do {
            return try JSONCoding.value(type, from: record?.output ?? "null")
        } catch {
            throw mismatch(of: record, type: "\(type)", reason: CodingFailure.text(error))
        }
    }

    private static func mismatch(of record: RecordedStep?, type: String, reason: String) -> PermanentError {
        let step = "step \"\(record?.step ?? "")\""
        switch record?.kind {
        case .waitForEvent:
            return PermanentError(
                code: RunError.Code.eventMismatch,
                "the event that \(step) waited for is no \(type): \(reason)")
        case .invoke:
            return PermanentError(
                code: RunError.Code.replayMismatch,
                "the result of the function that \(step) invoked is no \(type): \(reason). "
                    + "Name the type that the function returns")
        case .run, .sleep, .sendEvent, .waitForSignal, .fetch, .infer, nil:
            return PermanentError(
                code: RunError.Code.replayMismatch,
                "\(step) is recorded with an output that is no \(type): \(reason). "
                    + "Was the step's type changed while the run was under way? Then give the step a new id")
        }
    }

    private static func refusal(_ message: String) -> PermanentError {
        PermanentError(code: RunError.Code.invalidOutput, message)
    }
}
