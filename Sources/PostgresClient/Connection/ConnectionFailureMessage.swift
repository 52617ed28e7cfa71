/// libpq's verbose report of a failed connection, taken apart.
///
/// It reads `…failed: FATAL:  28P01: password authentication failed for user "x"` and then a line with the place in
/// the server's source, in the server's language; only the five characters between colons are certain.
struct ConnectionFailureMessage {
    private(set) var text = ""
    private(set) var sqlState: SQLState?

    init(_ message: String) {
        var lines: [String] = []
        for line in message.split(whereSeparator: \.isNewline) where !Self.isSourceLocation(line) {
            lines.append(removingSQLState(from: String(line)))
        }
        text = lines.isEmpty ? "the connection failed" : lines.joined(separator: "; ")
    }

    /// Of several hosts, the last one's state stays.
    private mutating func removingSQLState(from line: String) -> String {
        guard let range = line.firstRange(of: #/:  [0-9A-Z]{5}: /#) else { return line }
        sqlState = SQLState(rawValue: String(line[range].dropFirst(3).prefix(5)))
        return line.replacingCharacters(in: range, with: ": ")
    }

    /// `LOCATION:  auth_failed, auth.c:326`, whatever the first word is in the server's language.
    private static func isSourceLocation(_ line: Substring) -> Bool {
        line.wholeMatch(of: #/\s*\S+:  (\w+, )?[\w.\/-]+\.[cly]:\d+/#) != nil
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<Index>, with text: String) -> String {
        String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
    }
}
