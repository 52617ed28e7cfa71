import CLibPQ

extension PostgresError {
    /// Reads the server's error fields out of a failed result.
    init(result: OpaquePointer, connectionIsLost: Bool, cancellationRequested: Bool) {
        func field(_ code: Character) -> String? {
            PQresultErrorField(result, Int32(code.asciiValue!)).map { String(cString: $0) }
        }
        let sqlState = field("C").map(SQLState.init(rawValue:))
        let whole = String(cString: PQresultErrorMessage(result)).trimmingTrailingNewlines()
        let message = field("M") ?? (whole.isEmpty ? "the server closed the connection" : whole)

        if connectionIsLost {
            self.init(.connectionLost, message, sqlState: sqlState)
        } else if cancellationRequested, sqlState == .queryCanceled {
            self.init(.cancelled, message, sqlState: sqlState)
        } else {
            self.init(.server, message, sqlState: sqlState)
        }
        detail = field("D")
        hint = field("H")
        constraint = field("n")
        schema = field("s")
        table = field("t")
        column = field("c")
        context = field("W")
        position = field("P").flatMap { Int($0) }
    }
}

extension String {
    /// libpq ends its messages with a newline, which has no place in a log line.
    func trimmingTrailingNewlines() -> String {
        var text = Substring(self)
        while text.last?.isNewline == true { text.removeLast() }
        return String(text)
    }
}
