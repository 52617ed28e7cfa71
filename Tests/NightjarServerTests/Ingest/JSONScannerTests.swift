import ExpressionTesting
import Logging
import Nightjar
import NightjarTesting
import Testing

@testable import NightjarServer

@Suite("JSON that passes through")
struct JSONScannerTests {
    private func scan(_ text: String) throws -> Int {
        try Array(text.utf8).withUnsafeBufferPointer { bytes in
            var scanner = JSONScanner(bytes)
            _ = try scanner.document()
            return scanner.storedSize
        }
    }

    @Test(
        "what is taken",
        arguments: [
            "{}", "[]", " [1, -0, 0.5, 1e3, 1E-7, 12345678901234567890] ", "\"a\\u00e9\\n\\\"\"", "\"\\ud83d\\ude00\"",
            "{\"a\": {\"a\": null}, \"a\": true}", "1.7e308", "\"\u{7f}é\"",
            String(repeating: "[", count: 256) + String(repeating: "]", count: 256),
        ])
    func taken(_ text: String) throws {
        #expect(throws: Never.self) { try scan(text) }
    }

    @Test(
        "what is refused, and why",
        arguments: [
            ("", "expected a value"), ("{", "key"), ("[1,]", "expected a value"), ("{\"a\":1,}", "key"),
            ("[1 2]", "\",\""),
            ("01", "begin with 0"), ("1.", "digit"), ("1e", "digit"), ("+1", "a value"), (".5", "a value"),
            ("nul", "a value"),
            ("NaN", "a value"), ("\"\\x\"", "escape"), ("\"\\u12g4\"", "hexadecimal"), ("\"a", "end of the text"),
            ("\"\u{1}\"", "control character"), ("\"\\u0000\"", "NUL"), ("\"\\ud800\"", "surrogate"),
            ("\"\\ud800\\u0041\"", "surrogate"), ("\"\\udc00\"", "surrogate"), ("1e400", "64-bit"),
            ("1e-20000", "64-bit"),
            ("{} {}", "nothing more"), ("'a'", "a value"), (String(repeating: "9", count: 1_101), "digits"),
            (String(repeating: "[", count: 257) + String(repeating: "]", count: 257), "nested"),
        ])
    func refused(_ text: String, _ reason: String) {
        let error = #expect(throws: JSONProblem.self) { try scan(text) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "none")")
    }

    @Test("the size in the database is never more than was reckoned; what is taken there is taken here")
    func size() async throws {
        var random = SeededGenerator(seed: 7)
        let texts = (0..<2_000).map { _ in RandomJSON.text(&random) }
        let sizes = try texts.map { try scan($0) }
        try await TestDatabase.with { database in
            let session = PostgresSession(database.configuration, logger: .init(label: "test"))
            let stored = try await session.run { db in
                try db.query(
                    "SELECT octet_length(t::jsonb::text) FROM unnest($1::text[]) WITH ORDINALITY u (t, n) ORDER BY n",
                    [texts]
                ).map { try $0.decode(0, as: Int.self) }
            }
            await session.close()
            for (index, pair) in zip(stored, sizes).enumerated() {
                #expect(pair.0 <= pair.1, "\(texts[index])")
            }
        }
    }
}

/// JSON at random, of the kinds that grow when they are stored.
enum RandomJSON {
    static func text(_ random: inout SeededGenerator, depth: Int = 0) -> String {
        switch Int.random(in: 0..<(depth > 3 ? 6 : 8), using: &random) {
        case 0: "null"
        case 1: ["true", "false"].randomElement(using: &random) ?? "true"
        case 2: "\(Int64.random(in: .min ... .max, using: &random))"
        case 3: "\(Int.random(in: -9...9, using: &random)).\(Int.random(in: 0...99_999, using: &random))"
        case 4: "\(Int.random(in: 1...9, using: &random))e\(Int.random(in: -300...300, using: &random))"
        case 5: "\"\(["a", "é", "\\u00e9", "\\n", "\\\\", "\\ud83d\\ude00", "/"].randomElement(using: &random) ?? "")\""
        case 6:
            "["
                + (0..<Int.random(in: 0...4, using: &random)).map { _ in text(&random, depth: depth + 1) }
                .joined(separator: " , ") + "]"
        default:
            "{"
                + (0..<Int.random(in: 0...4, using: &random)).map { "\"k\($0)\":" + text(&random, depth: depth + 1) }
                .joined(separator: ",") + "}"
        }
    }
}
