internal import Foundation
internal import NightjarCore

/// What an app answered over HTTP, before it is understood.
struct AppAnswer: Sendable {
    var status: Int
    /// The names in lower case.
    var headers: [String: String]
    var body: [UInt8]

    /// Whether an SDK answered.
    var isOfSDK: Bool { headers["x-inngest-sdk"] != nil }

    /// Understands it.
    func read() -> CallAnswer {
        guard isOfSDK else {
            return .failed(
                AppError.notSDK,
                "something answered that is no app of an SDK: status \(status), without the header X-Inngest-SDK: "
                    + Self.excerpt(body))
        }
        guard status == 201 else { return understood() }
        guard let inner = streamed() else {
            return .failed(AppError.invalidAnswer, "the app's streamed answer ended before it was complete")
        }
        return inner.understood()
    }

    private func understood() -> CallAnswer {
        var answer = CallAnswer(content)
        answer.isFinal = headers["x-inngest-no-retry"]?.lowercased() == "true"
        answer.retryAfter = headers["retry-after"].flatMap { $0.isEmpty ? nil : $0 }
        answer.version = headers["x-inngest-req-version"].flatMap { Int($0) }
        return answer
    }

    private var content: CallAnswer.Content {
        let json = (try? JSONTree(body))?.value
        switch status {
        case 200:
            if body.isEmpty { return .completed("null") }
            return .completed(
                json.map { CanonicalJSON.text(of: $0) } ?? JSONStringText.encode(String(decoding: body, as: UTF8.self)))
        case 206:
            do {
                // Texts in which there is JSON: an SDK may have encoded it twice.
                let inner = json?.string.flatMap { try? JSONValue($0) }
                guard let list = inner ?? json else {
                    throw Operation.FormatError(description: "the app answered 206 without JSON: \(Self.excerpt(body))")
                }
                return .operations(try Operation.list(list))
            } catch {
                let error = RunError(name: "Error", message: "\(error)", code: AppError.invalidAnswer)
                return .failed(error, told: nil)
            }
        default:
            guard let json, !json.isNull else {
                let text = body.isEmpty ? "the app answered with status \(status)" : Self.excerpt(body)
                return .failed(RunError(name: "Error", message: text), told: nil)
            }
            return .failed(AppError.read(json), told: CanonicalJSON.text(of: json))
        }
    }

    /// What stands at the end of a streamed answer, after the spaces that kept the connection alive.
    private func streamed() -> AppAnswer? {
        guard let envelope = (try? JSONTree(body))?.value, let status = envelope["status"]?.integer else { return nil }
        var inner = AppAnswer(status: status, headers: headers, body: [])
        for (name, value) in envelope["headers"]?.members ?? [] {
            inner.headers[name.lowercased()] = value.string ?? value.text
        }
        if envelope["noRetry"]?.bool == true { inner.headers["x-inngest-no-retry"] = "true" }
        if let date = envelope["retryAt"]?.string { inner.headers["retry-after"] = date }
        guard let body = envelope.member("body") else { return inner }
        // As a rule a text with JSON in it.
        inner.body = body.string.map { Array($0.utf8) } ?? Array(body.bytes)
        return inner
    }

    static func excerpt(_ body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(400), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? "(no body)" : text
    }
}
