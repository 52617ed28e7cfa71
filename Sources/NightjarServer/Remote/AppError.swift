internal import NightjarCore

/// Errors as apps tell them, and as we tell them to apps.
enum AppError {
    static let notSDK = "not_sdk"
    static let outputTooLarge = "output_too_large"
    static let tooSlow = "request_duration_too_long"
    static let unreachable = "app_unreachable"
    static let invalidAnswer = "invalid_answer"
    static let noProgress = "no_progress"

    /// Reads an error of whatever shape: an object with a message, a text that may be such an object, or anything.
    static func read(_ json: JSONValue) -> RunError {
        if let text = json.string {
            if let inner = try? JSONValue(text), inner.members != nil { return read(inner) }
            return RunError(name: "Error", message: text)
        }
        guard json.members != nil else { return RunError(name: "Error", message: json.text) }
        let message = json["message"]?.string ?? json["error"]?.string ?? json.text
        return RunError(
            name: json["name"]?.string ?? "Error", message: message, code: json["code"]?.string,
            stack: json["stack"]?.string)
    }

    /// Writes an error as a memo holds it, where the app's own text of it is not known.
    static func text(_ error: RunError) -> String {
        let members = [
            ("code", error.code), ("error", error.message), ("message", error.message), ("name", error.name),
            ("stack", error.stack),
        ]
        let texts = members.compactMap { name, value in value.map { "\"\(name)\":\(JSONStringText.encode($0))" } }
        return "{\(texts.joined(separator: ","))}"
    }
}
