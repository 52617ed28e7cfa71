extension Watchdog {
    /// Stops the server, by ever stronger means if it does not obey, and lets go of it.
    func stop(_ mode: LocalPostgres.StopMode) async throws {
        for (signal, limit) in [(mode.signal, Duration.seconds(30)), ("QUIT", .seconds(10)), ("KILL", .seconds(10))] {
            self.signal(signal)
            if await waitForEnd(within: limit) {
                letGo()
                guard signal != "KILL" else {
                    throw LocalPostgresError(.stopFailed, "the server did not stop and had to be killed")
                }
                return
            }
        }
        throw LocalPostgresError(.stopFailed, "the server did not end although it was killed")
    }
}
