package import Foundation

/// A secret that this server and its apps share: whoever knows it may call the API, and signs what it sends.
///
/// Its text is `signkey-<environment>-<hexadecimal>`, or the hexadecimal part alone. Its description says nothing of it.
package struct SigningKey: Sendable {
    /// What is wrong with a text that is to be a key; does not repeat it.
    package struct FormatError: Error, Hashable, CustomStringConvertible {
        package var description: String {
            "a signing key is hexadecimal, of even length, after an optional prefix such as \"signkey-prod-\"; "
                + "make one with: openssl rand -hex 32"
        }
    }

    /// How far the clock of whoever signed may be from ours.
    package static let tolerance: TimeInterval = 300

    private let prefix: String
    private let secret: String
    /// Of the secret's bytes: what SDKs send in place of the key.
    private let hash: String

    /// - Throws: When the text is no key.
    package init(_ text: String) throws(FormatError) {
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        let prefix = text.prefixMatch(of: /signkey-[A-Za-z0-9_]+-/).map { String($0.output) } ?? ""
        let secret = String(text.dropFirst(prefix.count))
        guard let bytes = [UInt8](hex: secret), !bytes.isEmpty else { throw FormatError() }
        self.prefix = prefix
        self.secret = secret
        hash = Digest.sha256(bytes).hex
    }

    /// Says whether a bearer token is this key: as it is or hashed, with its prefix or without. In constant time.
    package func accepts(token: String) -> Bool {
        let token = Array(token.utf8)
        return [prefix + secret, secret, prefix + hash, hash].reduce(false) { found, form in
            // No short circuit: that would tell which form it was.
            let isEqual = Digest.areEqual(token, Array(form.utf8))
            return found || isEqual
        }
    }

    /// The key as a bearer token: hashed.
    package var token: String { prefix + hash }

    /// What identifies the key to people who know it: the hash of its hash.
    package var fingerprint: String { Digest.sha256(Array(hash.utf8)).hex }

    /// What a stored key may have as its fingerprint for a bearer token to be that key: the token is the key or its hash. Empty
    /// when it cannot be either.
    static func fingerprints(of token: String) -> [[UInt8]] {
        let prefix = token.prefixMatch(of: /signkey-[A-Za-z0-9_]+-/).map { String($0.output) } ?? ""
        guard let bytes = [UInt8](hex: String(token.dropFirst(prefix.count))), !bytes.isEmpty, bytes.count <= 256 else {
            return []
        }
        return [Digest.sha256(Digest.sha256(bytes)), Digest.sha256(bytes)]
    }

    /// The header `X-Inngest-Signature` for a request with this body.
    ///
    /// - Parameter body: JSON text or nothing; what is no JSON is signed as it is.
    package func signature(of body: [UInt8], at date: Date) -> String {
        signature(ofCanonical: (try? CanonicalJSON.bytes(of: body)) ?? body, at: date)
    }

    /// The header for a body that is canonical already, or is not to become so.
    func signature(ofCanonical body: [UInt8], at date: Date) -> String {
        let seconds = String(Int64(date.timeIntervalSince1970))
        return "t=\(seconds)&s=\(code(of: body, seconds: seconds))"
    }

    /// Says whether a response was signed with this key.
    ///
    /// - Parameters:
    ///   - header: `X-Inngest-Signature` of the response.
    ///   - body: As it came; one newline at its end may be missing from what was signed.
    package func verifies(response header: String, body: [UInt8], now: Date) -> Bool {
        guard let (seconds, code) = Self.parts(of: header), let time = Int64(seconds),
            abs(now.timeIntervalSince1970 - Double(time)) <= Self.tolerance
        else { return false }
        let bodies = body.last == UInt8(ascii: "\n") ? [body, body.dropLast()] : [body]
        return bodies.contains { Digest.areEqual(Array(self.code(of: $0, seconds: seconds).utf8), Array(code.utf8)) }
    }

    /// Says whether a request was signed with this key; its body is made canonical before.
    package func verifies(request header: String, body: [UInt8], now: Date) -> Bool {
        verifies(response: header, body: (try? CanonicalJSON.bytes(of: body)) ?? body, now: now)
    }

    private func code(of body: [UInt8], seconds: String) -> String {
        Digest.hmacSHA256(body + Array(seconds.utf8), key: Array(secret.utf8)).hex
    }

    private static func parts(of header: String) -> (seconds: String, code: String)? {
        var seconds: String?
        var code: String?
        for part in header.split(separator: "&") {
            if part.hasPrefix("t=") { seconds = String(part.dropFirst(2)) }
            if part.hasPrefix("s=") { code = String(part.dropFirst(2)) }
        }
        guard let seconds, let code else { return nil }
        return (seconds, code)
    }
}

extension SigningKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "SigningKey(…)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension [UInt8] {
    /// Reads hexadecimal; nil when it is none, or of odd length.
    init?(hex: String) {
        let digits = Array(hex.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        self = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = JSONStringText.hexDigit(digits[index]),
                let low = JSONStringText.hexDigit(digits[index + 1])
            else { return nil }
            append(UInt8(high << 4 | low))
        }
    }
}
