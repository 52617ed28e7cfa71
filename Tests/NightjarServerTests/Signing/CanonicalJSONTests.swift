import Testing

@testable import NightjarServer

@Suite("Canonical JSON")
struct CanonicalJSONTests {
    // RFC 8785, 3.2.3 and appendix B.
    @Test("The example of RFC 8785")
    func example() throws {
        let text = #"""
            {
              "numbers": [333333333.33333329, 1E30, 4.50,
                          2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }
            """#
        let expected =
            #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#
            + #""string":"€$\u000f\nA'B\"\\\\\"/"}"#
        let canonical = try CanonicalJSON.text(of: text)
        #expect(canonical == expected)
    }

    @Test("Keys are in the order of their UTF-16 code units")
    func order() throws {
        let text = #"""
            {"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
             "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}
            """#
        let members = try #require(try JSONValue(CanonicalJSON.text(of: text)).members)
        let values = members.compactMap { $0.value.string?.split(separator: " ").first }
        #expect(values == ["Carriage", "One", "Control", "Latin", "Euro", "Emoji:", "Hebrew"])
    }

    @Test(
        "Numbers as ECMAScript writes them (RFC 8785, appendix B)",
        arguments: [
            (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"), (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"), (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"), (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"), (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"), (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"), (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"), (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"), (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] as [(UInt64, String)])
    func numbers(bits: UInt64, text: String) {
        let value = ECMAScriptNumber.text(Double(bitPattern: bits))
        #expect(value == text)
    }

    @Test("A number in ECMAScript's form reads back as itself")
    func roundTrips() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let value = Double(bitPattern: generator.next())
            guard value.isFinite else { continue }
            let read = Double(ECMAScriptNumber.text(value))
            #expect(read == value)
        }
    }

    @Test("Whole numbers that a Double cannot hold stay what they are unless they are signed")
    func exactNumbers() throws {
        let text = "[9007199254740993, 12345678901234567890123, 1.0, -0, 100000000000000000000]"
        let exact = try CanonicalJSON.text(of: text, numbers: .exact)
        let rounded = try CanonicalJSON.text(of: text)
        #expect(exact == "[9007199254740993,12345678901234567890123,1,0,100000000000000000000]")
        #expect(rounded == "[9007199254740992,1.2345678901234568e+22,1,0,100000000000000000000]")
        let again = try CanonicalJSON.text(of: exact)
        #expect(again == rounded)
    }

    @Test(
        "What is almost JSON is none",
        arguments: [
            "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "'a'", "01", "1.", ".5", "+1", "1e", "nul", "NaN", "Infinity",
            "\"\u{1}\"", "\"\\x\"", "\"\\u12g4\"", "\"", "[1 2]", "{\"a\" 1}", "1 1", "tru", "-", "1e400", "[",
            String(repeating: "[", count: 600) + String(repeating: "]", count: 600),
        ])
    func refused(text: String) {
        #expect(throws: JSONTree.SyntaxError.self) { try CanonicalJSON.text(of: text) }
    }

    @Test("Bytes that are no UTF-8 are refused")
    func encoding() {
        #expect(throws: JSONTree.SyntaxError.self) { try CanonicalJSON.bytes(of: [0x22, 0xFF, 0x22]) }
    }

    @Test("NUL and halves of characters become U+FFFD; the last of several members with a key counts")
    func repairs() throws {
        let text = try CanonicalJSON.text(of: #"{"b":1,"a":"\u0000\ud800x\udc00","b":2}"#)
        #expect(text == "{\"a\":\"\u{FFFD}\u{FFFD}x\u{FFFD}\",\"b\":2}")
    }
}
