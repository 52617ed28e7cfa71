internal import Foundation
internal import NightjarCore

/// What came of a call.
struct CallAnswer: Sendable {
    enum Content: Sendable {
        /// The function goes on.
        case operations([Operation])
        /// The function has returned; JSON text. Of a request made for the app: its result.
        case completed(String)
        /// The error, and the app's own JSON text of it.
        case failed(RunError, told: String?)
    }

    var content: Content
    /// Whether another attempt would be of no use.
    var isFinal = false
    /// When the next attempt is wanted.
    var retryAfter: String?
    /// The version of the protocol that the app speaks.
    var version: Int?

    init(_ content: Content, isFinal: Bool = false, retryAfter: String? = nil, version: Int? = nil) {
        self.content = content
        self.isFinal = isFinal
        self.retryAfter = retryAfter
        self.version = version
    }

    static func failed(_ code: String, _ message: String, name: String = "Error") -> CallAnswer {
        CallAnswer(.failed(RunError(name: name, message: message, code: code), told: nil))
    }
}
