import CLibPQ

extension PostgresConnection {
    /// Whether an idle connection still works.
    ///
    /// - Parameter testing: Whether to find out by a round trip; otherwise only what has arrived already is looked at.
    func isAlive(testing: Bool) -> Bool {
        guard !isLost else { return false }
        // An idle connection has nothing to say, except that it ends.
        if Readiness.wait(for: PQsocket(handle), .reading, milliseconds: 0), PQconsumeInput(handle) == 0 {
            return false
        }
        guard testing else { return !isLost }
        return ping(within: .seconds(5))
    }

    /// Puts the connection in order for its next user.
    ///
    /// - Returns: The error for a transaction that was left open.
    func restore() -> PostgresError? {
        onNotice = nil
        var failure: PostgresError?
        if !isLost, isInTransaction {
            rollBack()
            failure = PostgresError(
                .usage, "the body left a transaction open; it was rolled back",
                hint: "use transaction, or end the transaction before the body returns")
        }
        if sessionWasChanged, !isLost {
            sessionWasChanged = false
            do { try command(Self.resetSession) } catch { abandon() }
        }
        return failure
    }

    /// Sends an empty statement and waits for the answer, without hanging on a peer that is gone.
    func ping(within limit: Duration) -> Bool {
        guard PQsendQuery(handle, "") == 1 else { return false }
        let deadline = ContinuousClock.now + limit
        while true {
            while PQisBusy(handle) == 1 {
                let left = (deadline - .now) / .milliseconds(1)
                guard left > 0, Readiness.wait(for: PQsocket(handle), .reading, milliseconds: Int(left.rounded(.up))),
                    PQconsumeInput(handle) == 1
                else {
                    abandon()
                    return false
                }
            }
            guard let result = PQgetResult(handle) else { return !isLost }
            PQclear(result)
        }
    }

    /// `DISCARD ALL` without the part that throws the prepared statements away.
    private static var resetSession: String {
        """
        RESET ALL; RESET SESSION AUTHORIZATION; UNLISTEN *; CLOSE ALL;
        SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES
        """
    }
}
