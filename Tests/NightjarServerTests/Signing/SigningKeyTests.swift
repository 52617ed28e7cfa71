import Foundation
import Testing

@testable import NightjarServer

@Suite("Signing keys")
struct SigningKeyTests {
    let secret = "0123456789abcdef0123456789abcdef"

    @Test("The four forms of a bearer token are accepted, and nothing else")
    func tokens() throws {
        let key = try SigningKey("signkey-prod-\(secret)")
        let hash = Digest.sha256(try #require([UInt8](hex: secret))).hex
        for token in ["signkey-prod-\(secret)", secret, "signkey-prod-\(hash)", hash] {
            let accepts = key.accepts(token: token)
            #expect(accepts, "\(token)")
        }
        for token in [
            "", "signkey-test-\(secret)", "signkey-prod-", String(secret.dropLast()), secret + "0", "Bearer \(hash)",
        ] {
            let accepts = key.accepts(token: token)
            #expect(!accepts, "\(token)")
        }
        let bare = try SigningKey(secret)
        let accepts = bare.accepts(token: hash)
        #expect(accepts)
        #expect(key.token == "signkey-prod-\(hash)")
    }

    @Test(
        "What is no key is refused, and its text is not repeated",
        arguments: ["", "signkey-prod-", "abc", "xyz!", "signkey-prod-xy"])
    func refused(text: String) throws {
        let error = #expect(throws: SigningKey.FormatError.self) { try SigningKey(text) }
        let message = try #require(error).description
        #expect(text.isEmpty || text == "signkey-prod-" || !message.contains(text))
    }

    @Test("A key says nothing of itself")
    func description() throws {
        let key = try SigningKey("signkey-prod-\(secret)")
        var dumped = ""
        dump(key, to: &dumped)
        for text in ["\(key)", String(reflecting: key), dumped, "\(SigningKeys(key))"] {
            #expect(!text.contains(secret))
        }
    }

    @Test("A request is signed as the SDKs check it")
    func requestSignature() throws {
        let key = try SigningKey("signkey-prod-\(secret)")
        let body = Array(#"{"b": 1.0, "a": "x"}"#.utf8)
        let date = Date(timeIntervalSince1970: 1_700_000_000.9)
        let code = Digest.hmacSHA256(Array(#"{"a":"x","b":1}1700000000"#.utf8), key: Array(secret.utf8)).hex
        #expect(key.signature(of: body, at: date) == "t=1700000000&s=\(code)")
        #expect(code == "5e8fffecfa8f38d749e4fa14e3366f6b3231fe49b91cf1008be07dcea3654dae")
        let verified = key.verifies(request: "t=1700000000&s=\(code)", body: body, now: date)
        #expect(verified)
    }

    @Test("An empty body is signed by its time alone")
    func emptyBody() throws {
        let key = try SigningKey(secret)
        let code = Digest.hmacSHA256(Array("1700000000".utf8), key: Array(secret.utf8)).hex
        #expect(key.signature(of: [], at: Date(timeIntervalSince1970: 1_700_000_000)) == "t=1700000000&s=\(code)")
    }

    @Test("A response is verified as it came, whoever signed it")
    func responseSignature() throws {
        let (key, other) = (try SigningKey(secret), try SigningKey("ff00"))
        let now = Date(timeIntervalSince1970: 1_700_000_000)
        let body = Array(#"{"b": 1, "a": 2}"#.utf8)
        let header = key.signature(ofCanonical: body, at: now)
        let keys = SigningKeys(other, fallback: key)
        let isVerified = keys.verify(response: header, body: body, now: now)
        let withNewline = keys.verify(response: header, body: body + [0x0A], now: now)
        let changed = keys.verify(response: header, body: body + [0x20], now: now)
        let missing = keys.verify(response: nil, body: body, now: now)
        let otherKey = SigningKeys(other).verify(response: header, body: body, now: now)
        let late = keys.verify(response: header, body: body, now: now + 301)
        let early = keys.verify(response: header, body: body, now: now - 301)
        let garbage = keys.verify(response: "t=&s=&&x", body: body, now: now)
        #expect(isVerified && withNewline)
        #expect(!changed && !missing && !otherKey && !late && !early && !garbage)
    }

    @Test("The header Authorization")
    func authorization() throws {
        let keys = SigningKeys(try SigningKey("signkey-prod-\(secret)"), fallback: try SigningKey("ff00"))
        for header in ["Bearer \(secret)", "bearer  ff00 ", "BEARER signkey-prod-\(secret)"] {
            let accepts = keys.accept(authorization: header)
            #expect(accepts, "\(header)")
        }
        for header in [nil, "", secret, "Basic \(secret)", "Bearer", "Bearer ", "Bearer ff01"] {
            let accepts = keys.accept(authorization: header)
            #expect(!accepts, "\(header ?? "none")")
        }
    }
}
