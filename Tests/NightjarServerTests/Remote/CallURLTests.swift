import Testing

@testable import NightjarServer

@Suite("URLs of calls")
struct CallURLTests {
    @Test(
        "The function's own query is kept, but for what the call says itself",
        arguments: [
            ("http://a/b", "http://a/b?fnId=f%26g&stepId=step"),
            ("http://a/b?x=1&y", "http://a/b?x=1&y&fnId=f%26g&stepId=step"),
            ("http://a/b?fnId=old&x=%20&stepId=step#top", "http://a/b?x=%20&fnId=f%26g&stepId=step"),
        ])
    func query(url: String, expected: String) {
        #expect(CallURL.text(url, function: "f&g", step: "step") == expected)
    }

    @Test(
        "Redirects",
        arguments: [
            ("/c", "http://a/c?fnId=f"), ("http://z/c?fnId=g&k=1", "http://z/c?fnId=g&k=1"),
            ("?x=1", "http://a/b?x=1&fnId=f"),
            ("ftp://a/b", nil), ("https://a/b", "https://a/b?fnId=f"),
        ] as [(String, String?)])
    func redirect(location: String, expected: String?) {
        #expect(CallURL.redirect(from: "http://a/b?fnId=f", to: location) == expected)
    }
}
