import CLibPQ

extension PostgresConnection {
    /// Whether an idle connection still works.
    ///
    /// - Parameter testing: Whether to find out by a round trip; otherwise only what has arrived already is looked at.
    func isAlive(testing: Bool) -> Bool {
        guard !isLost else { return false }
        // An idle connection has nothing to say, except that it ends: first in words, then by being closed.
        while Readiness.wait(for: PQsocket(handle), .reading, milliseconds: 0) {
            guard PQconsumeInput(handle) == 1 else { return false }
            _ = PQisBusy(handle)
            guard !isLost else { return false }
        }
        guard testing else { return !isLost }
        return (try? command("", within: .seconds(5))) != nil
    }

    /// Gives the session these settings, and undoes those of the call before.
    ///
    /// - Throws: `PostgresError`; the connection is given up then, since nobody knows what it has.
    func adopt(_ settings: [String: String]) throws {
        guard settings != lentSettings else { return }
        do {
            for name in lentSettings.keys where settings[name] == nil {
                let parts = name.split(separator: ".").map { PostgresIdentifier(String($0)).quoted }
                try execute("RESET \(parts.joined(separator: "."))")
            }
            for (name, value) in settings where lentSettings[name] != value {
                try query("SELECT set_config($1, $2, false)", [name, value])
            }
            lentSettings = settings
        } catch {
            abandon()
            throw error
        }
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
            lentSettings = [:]
            do { try command(Self.resetSession) } catch { abandon() }
        }
        return failure
    }

    /// Sends statements by the simple protocol and waits for their end, without hanging on a peer that is gone.
    ///
    /// - Throws: `PostgresError`; a connection that did not answer in time is given up.
    func command(_ sql: String, within limit: Duration) throws {
        guard PQsendQuery(handle, sql) == 1 else { throw sendFailure() }
        let deadline = ContinuousClock.now + limit
        var failure: PostgresError?
        while true {
            while PQisBusy(handle) == 1 {
                let left = (deadline - .now) / .milliseconds(1)
                guard left > 0 else {
                    abandon()
                    throw PostgresError(.connectionLost, "the server did not answer within \(limit)")
                }
                let isReady = Readiness.wait(for: PQsocket(handle), .reading, milliseconds: Int(left.rounded(.up)))
                if isReady, PQconsumeInput(handle) != 1 { break }
            }
            guard let result = PQgetResult(handle).map(ResultHandle.init) else { break }
            if PQresultStatus(result.pointer) == PGRES_FATAL_ERROR, failure == nil { failure = error(result) }
        }
        if let failure { throw failure }
        guard !isLost else { throw PostgresError(.connectionLost, "the connection was lost") }
    }

    /// `DISCARD ALL` without the part that throws the prepared statements away.
    private static var resetSession: String {
        """
        RESET ALL; RESET SESSION AUTHORIZATION; UNLISTEN *; CLOSE ALL;
        SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES
        """
    }
}
