import CLibPQ

extension PostgresConnection {
    /// Executes `COPY … TO STDOUT` and returns what it sends, as one block.
    package func copyOut(_ sql: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try copy(sql, direction: PGRES_COPY_OUT) {
            while true {
                var row: UnsafeMutablePointer<CChar>?
                let count = PQgetCopyData(handle, &row, 0)
                defer { PQfreemem(row) }
                guard count > 0, let row else { return }
                UnsafeRawPointer(row).withMemoryRebound(to: UInt8.self, capacity: Int(count)) {
                    bytes.append(contentsOf: UnsafeBufferPointer(start: $0, count: Int(count)))
                }
            }
        }
        return bytes
    }

    /// Executes `COPY … FROM STDIN` with what ``copyOut(_:)`` returned; answers how many rows were stored.
    @discardableResult
    package func copyIn(_ sql: String, _ bytes: [UInt8]) throws -> Int {
        try copy(sql, direction: PGRES_COPY_IN) {
            let portion = 1 << 20
            for start in stride(from: 0, to: bytes.count, by: portion) {
                let end = min(start + portion, bytes.count)
                let sent = bytes[start..<end].withUnsafeBytes {
                    PQputCopyData(handle, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count))
                }
                guard sent == 1 else { throw sendFailure() }
            }
            guard PQputCopyEnd(handle, nil) == 1 else { throw sendFailure() }
        }
    }

    /// Executes a statement that transfers in one direction; answers how many rows it did.
    @discardableResult
    private func copy(_ sql: String, direction: ExecStatusType, _ transfer: () throws -> Void) throws -> Int {
        try checkReady()
        try Self.checkText(sql)
        guard PQsendQuery(handle, sql) == 1 else { throw sendFailure() }
        var failure: ResultHandle?
        var affected = 0
        while let result = try nextResult() {
            switch PQresultStatus(result.pointer) {
            case direction: try transfer()
            case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE: failure = failure ?? result
            default: affected = result.affected
            }
        }
        if let failure { throw error(failure) }
        guard !isLost else { throw PostgresError(.connectionLost, "the connection was lost") }
        return affected
    }
}
