internal import Foundation
internal import NightjarCore

/// A request that an app wants made for it: `step.fetch`, or a request to a model.
struct GatewayRequest: Sendable, Hashable {
    /// The code of the errors of such requests.
    static let failed = "gateway_failed"

    /// `fetch` or `infer`.
    var kind: StepKind
    var url: String
    var method = "POST"
    /// In the order in which they are sent.
    var headers: [Header] = []
    var body: String?

    struct Header: Sendable, Hashable {
        var name: String
        var value: String
    }

    /// Why a request cannot be made.
    struct FormatError: Error {
        var runError: RunError
    }

    /// Reads the request that an operation describes.
    init(_ operation: Operation) throws(FormatError) {
        let isFetch = operation.code == .gateway
        kind = isFetch ? .fetch : .infer
        func problem(_ message: String) -> FormatError {
            FormatError(
                runError: RunError(
                    name: isFetch ? "GatewayError" : "AIGatewayError", message: message, code: Self.failed))
        }
        guard let options = operation.options else { throw problem("the request has no options") }
        guard let url = options["url"]?.string ?? Self.defaultURL(options), !url.isEmpty else {
            throw problem("the request has no URL")
        }
        self.url = url
        if isFetch {
            method = options["method"]?.string.flatMap { $0.isEmpty ? nil : $0.uppercased() } ?? "POST"
            // Text goes out as it is, everything else as JSON.
            body = options["body"].map { $0.string ?? CanonicalJSON.text(of: $0) }
        } else {
            body = options["body"].map { CanonicalJSON.text(of: $0) }
            authorize(options)
        }
        for (name, value) in options["headers"]?.members ?? [] {
            for value in value.elements ?? [value] {
                set(name, value.string ?? value.text, replacing: !headers.contains { $0.name == name })
            }
        }
    }

    private static func defaultURL(_ options: JSONValue) -> String? {
        switch options["format"]?.string {
        case "openai-chat": "https://api.openai.com/v1/chat/completions"
        case "anthropic": "https://api.anthropic.com/v1/messages"
        default: nil
        }
    }

    /// Adds what providers want to see of whoever asks.
    private mutating func authorize(_ options: JSONValue) {
        headers.append(Header(name: "Content-Type", value: "application/json"))
        guard let key = options["auth_key"]?.string, !key.isEmpty else { return }
        switch options["format"]?.string {
        case "anthropic":
            headers.append(Header(name: "x-api-key", value: key))
            headers.append(Header(name: "anthropic-version", value: "2023-06-01"))
        case "gemini":
            let allowed = key.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? key
            url += "\(url.contains("?") ? "&" : "?")key=\(allowed)"
        case "bedrock":
            headers.append(Header(name: "Authorization", value: key))
        default:
            headers.append(Header(name: "Authorization", value: "Bearer \(key)"))
        }
    }

    private mutating func set(_ name: String, _ value: String, replacing: Bool) {
        if replacing { headers.removeAll { $0.name.lowercased() == name.lowercased() } }
        headers.append(Header(name: name, value: value))
    }
}
