import CLibPQ

extension PostgresConnection {
    /// Waits for the next result; `nil` ends the results of one statement.
    func nextResult() throws -> ResultHandle? {
        while PQisBusy(handle) == 1 {
            if Readiness.wait(for: PQsocket(handle), .reading, milliseconds: 1000) {
                // After a failure PQgetResult has the reason.
                guard PQconsumeInput(handle) == 1 else { break }
            } else if cancellation?.isOverdue == true {
                abandon()
                throw PostgresError(.connectionLost, "the server did not react to a cancel request")
            }
        }
        return PQgetResult(handle).map(ResultHandle.init)
    }

    /// Takes all results of what was sent, outside pipeline mode, and returns the last one.
    func receive() throws -> ResultHandle {
        var failure: ResultHandle?
        var last: ResultHandle?
        var refusedCopy = false
        while let result = try nextResult() {
            switch PQresultStatus(result.pointer) {
            case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE:
                failure = failure ?? result
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                refusedCopy = true
                refuseCopy(result)
            default:
                noteEffects(of: result)
                last = result
            }
        }
        if let failure, !refusedCopy { throw error(failure) }
        guard !isLost else { throw PostgresError(.connectionLost, "the connection was lost") }
        guard !refusedCopy else { throw PostgresError(.usage, "COPY from or to the client is not supported") }
        guard let last else { throw sendFailure() }
        return last
    }

    /// The error for a failed result; ends the sending of cancel requests if that is what made it fail.
    func error(_ result: ResultHandle) -> PostgresError {
        let error = PostgresError(
            result: result.pointer, connectionIsLost: isLost,
            cancellationRequested: cancellation?.isRequested == true)
        if error.code == .cancelled, PQpipelineStatus(handle) == PQ_PIPELINE_OFF { settleCancellation() }
        return error
    }

    /// The error after libpq refused to send something.
    func sendFailure() -> PostgresError {
        let message = String(cString: PQerrorMessage(handle)).trimmingTrailingNewlines()
        return PostgresError(isLost ? .connectionLost : .usage, message.isEmpty ? "nothing could be sent" : message)
    }

    /// Sends a statement by the simple protocol, even when the task is cancelled: for cleaning up.
    @discardableResult
    func command(_ sql: String) throws -> ResultHandle {
        guard PQsendQuery(handle, sql) == 1 else { throw sendFailure() }
        return try receive()
    }

    /// Makes sure that no cancel request hits a later statement.
    func settleCancellation() {
        guard let cancellation, cancellation.settle(waits: !isLost), !isLost else { return }
        // The signal was sent by now. The backend sees it at the latest during this empty statement.
        guard PQsendQuery(handle, "") == 1 else { return }
        do { while try nextResult() != nil {} } catch { abandon() }
    }

    private func refuseCopy(_ result: ResultHandle) {
        switch PQresultStatus(result.pointer) {
        case PGRES_COPY_IN:
            PQputCopyEnd(handle, "not supported by this client")
        case PGRES_COPY_OUT:
            var row: UnsafeMutablePointer<CChar>?
            while PQgetCopyData(handle, &row, 0) > 0 { PQfreemem(row) }
        default:
            abandon()
        }
    }

    /// Remembers what has to be undone before the connection's next user gets it.
    func noteEffects(of result: ResultHandle) {
        let tag = result.commandTag
        if tag == "SET" || tag == "LISTEN" { sessionWasChanged = true }
    }
}
