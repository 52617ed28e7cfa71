package import Foundation

/// The signing key, and the one that it takes the place of or that is to take its place.
package struct SigningKeys: Sendable {
    /// Signs what we send.
    package var current: SigningKey
    package var fallback: SigningKey?

    package init(_ current: SigningKey, fallback: SigningKey? = nil) {
        self.current = current
        self.fallback = fallback
    }

    /// Says whether the header `Authorization` has one of the keys as its bearer token.
    package func accept(authorization: String?) -> Bool {
        Self.token(in: authorization).map { accept(token: $0) } ?? false
    }

    /// The bearer token of a header `Authorization`.
    static func token(in authorization: String?) -> String? {
        guard let authorization, let space = authorization.firstIndex(of: " "),
            authorization[..<space].lowercased() == "bearer"
        else { return nil }
        return authorization[space...].trimmingCharacters(in: .whitespaces)
    }

    /// Says whether a bearer token is one of the keys.
    func accept(token: String) -> Bool {
        let isCurrent = current.accepts(token: token)
        let isFallback = fallback?.accepts(token: token) ?? false
        return isCurrent || isFallback
    }

    /// Says whether a response was signed with one of the keys.
    package func verify(response header: String?, body: [UInt8], now: Date) -> Bool {
        guard let header else { return false }
        return current.verifies(response: header, body: body, now: now)
            || fallback?.verifies(response: header, body: body, now: now) ?? false
    }
}
