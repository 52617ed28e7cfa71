import CLibPQ

/// Opens connections without being stuck in libpq while it waits for the server, so that it can be cancelled.
struct ConnectionOpener {
    var configuration: PostgresConfiguration
    /// Asked several times a second.
    var isCancelled: () -> Bool

    /// - Throws: `PostgresError`, or `CancellationError` when `isCancelled` became true.
    func open() throws -> OpaquePointer {
        let handle = try start()
        do {
            try finish(handle)
            return handle
        } catch {
            PQfinish(handle)
            throw error
        }
    }

    private func start() throws -> OpaquePointer {
        let pairs = configuration.connectionKeywords().sorted { $0.key < $1.key }
        guard !pairs.contains(where: { $0.key.utf8.contains(0) || $0.value.utf8.contains(0) }) else {
            throw PostgresError(.configuration, "a connection keyword contains a NUL character")
        }
        let keywords = CStringArray(pairs.map(\.key))
        let values = CStringArray(pairs.map(\.value))
        let handle = keywords.withPointers { keywords in
            // 0: `dbname` is a name. If it could be a connection string, errors might quote a password in it.
            values.withPointers { values in PQconnectStartParams(keywords, values, 0) }
        }
        guard let handle else { throw PostgresError(.connectionFailed, "out of memory") }
        guard PQstatus(handle) != CONNECTION_BAD else {
            defer { PQfinish(handle) }
            let message = String(cString: PQerrorMessage(handle)).trimmingTrailingNewlines()
            // A missing socket fails as early as a wrong keyword; only a ping tells the two apart.
            let wasTried = keywords.withPointers { keywords in
                values.withPointers { values in PQpingParams(keywords, values, 0) != PQPING_NO_ATTEMPT }
            }
            throw PostgresError(wasTried ? .connectionFailed : .configuration, message)
        }
        // Only the verbose form tells the SQLSTATE of a refused connection.
        PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        return handle
    }

    private func finish(_ handle: OpaquePointer) throws {
        let deadline = ContinuousClock.now + .seconds(configuration.connectSeconds)
        // As if PQconnectPoll had asked for it: the manual's rule for the first round.
        var interest = Readiness.Interest.writing
        while true {
            try waitUntilReady(handle, interest, deadline: deadline)
            switch PQconnectPoll(handle) {
            case PGRES_POLLING_OK:
                PQsetErrorVerbosity(handle, PQERRORS_DEFAULT)
                return
            case PGRES_POLLING_READING: interest = .reading
            case PGRES_POLLING_WRITING: interest = .writing
            default: throw failure(handle)
            }
        }
    }

    private func waitUntilReady(
        _ handle: OpaquePointer, _ interest: Readiness.Interest, deadline: ContinuousClock.Instant
    ) throws {
        // Short waits instead of a pipe to wake up by: connecting is rare and this needs no descriptors.
        while !Readiness.wait(for: PQsocket(handle), interest, milliseconds: 50) {
            if isCancelled() { throw CancellationError() }
            guard ContinuousClock.now < deadline else {
                throw PostgresError(.connectionFailed, "the server did not answer within connect_timeout")
            }
        }
    }

    private func failure(_ handle: OpaquePointer) -> PostgresError {
        let message = ConnectionFailureMessage(String(cString: PQerrorMessage(handle)))
        let needsPassword = PQconnectionNeedsPassword(handle) == 1
        return PostgresError(
            .connectionFailed, message.text,
            // The client itself refuses to go on without a password, so there is no SQLSTATE to be read.
            sqlState: message.sqlState ?? (needsPassword ? SQLState(rawValue: "28P01") : nil))
    }
}
