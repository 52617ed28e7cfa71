/// JSON in one form for all who sign it (RFC 8785): keys in order, numbers as ECMAScript writes them, no spaces.
enum CanonicalJSON {
    /// What becomes of whole numbers that a `Double` cannot hold.
    enum Numbers: Sendable {
        /// They are rounded, as RFC 8785 wants it: this is what is signed.
        case rounded
        /// They stay what they are: this is what is sent. Whoever checks the signature rounds them again.
        case exact
    }

    /// The canonical form of JSON text.
    static func bytes(of text: [UInt8], numbers: Numbers = .rounded) throws(JSONTree.SyntaxError) -> [UInt8] {
        let tree = try JSONTree(text)
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        write(tree.root, of: tree.bytes, numbers: numbers, into: &output)
        return output
    }

    /// The canonical form of JSON text.
    static func text(of text: String, numbers: Numbers = .rounded) throws(JSONTree.SyntaxError) -> String {
        String(decoding: try bytes(of: Array(text.utf8), numbers: numbers), as: UTF8.self)
    }

    /// The canonical form of a value.
    static func text(of value: JSONValue, numbers: Numbers = .exact) -> String {
        var output: [UInt8] = []
        value.write(numbers: numbers, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    fileprivate static func write(
        _ node: JSONTree.Node, of bytes: [UInt8], numbers: Numbers, into output: inout [UInt8]
    ) {
        switch node {
        case .null(let range), .bool(_, let range):
            output += bytes[range]
        case .number(let range):
            write(number: bytes[range], numbers: numbers, into: &output)
        case .string(let range):
            let text = bytes[range]
            if text.contains(UInt8(ascii: "\\")) {
                JSONStringText.encode(JSONStringText.decode(text), into: &output)
            } else {
                output += text
            }
        case .array(let elements, _):
            output.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                write(element, of: bytes, numbers: numbers, into: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members, _):
            output.append(UInt8(ascii: "{"))
            for (index, member) in ordered(members).enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                JSONStringText.encode(member.key, into: &output)
                output.append(UInt8(ascii: ":"))
                write(member.value, of: bytes, numbers: numbers, into: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    private static func ordered(
        _ members: [(key: String, value: JSONTree.Node)]
    ) -> [(key: String, value: JSONTree.Node)] {
        JSONTree.unique(members).sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
    }

    private static func write(number: ArraySlice<UInt8>, numbers: Numbers, into output: inout [UInt8]) {
        let digits = number.allSatisfy {
            $0 == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
        // Up to 15 digits, ECMAScript writes whole numbers as they are.
        if digits, number.count < 16 || numbers == .exact {
            output += number.elementsEqual("-0".utf8) ? ArraySlice("0".utf8) : number
            return
        }
        let text = String(decoding: number, as: UTF8.self)
        output += Array((Double(text).map(ECMAScriptNumber.text) ?? text).utf8)
    }
}

extension JSONValue {
    /// Writes the value's canonical form.
    func write(numbers: CanonicalJSON.Numbers, into output: inout [UInt8]) {
        CanonicalJSON.write(node, of: allBytes, numbers: numbers, into: &output)
    }
}
