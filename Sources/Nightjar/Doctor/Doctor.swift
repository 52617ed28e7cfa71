package import Logging
package import PostgresClient

/// Examines a database: whether it can keep Nightjar's promises, and whether somebody works on what waits.
///
/// Facts are read by one statement a topic; what they mean is decided in pure code beside them.
package struct Doctor: Sendable {
    let database: PostgresConfiguration
    let logger: Logger

    package init(database: PostgresConfiguration, logger: Logger) {
        self.database = database
        self.logger = logger
    }

    /// Examines everything and answers a finding for each check, in the order in which to read them.
    /// - Parameter deep: also reads all of the history, for what must never be seen.
    /// - Throws: `PostgresError` when the database cannot be reached. What a role may not see is a finding.
    package func examine(deep: Bool) async throws -> [Finding] {
        let session = PostgresSession(database, logger: logger)
        do {
            let findings = try await examine(session, deep: deep)
            await session.close()
            return findings
        } catch {
            await session.close()
            throw error
        }
    }

    private func examine(_ session: PostgresSession, deep: Bool) async throws -> [Finding] {
        try await session.connect()
        var findings = try await session.run { db in try ServerFacts.read(db).findings }
        findings.append(try await ClockFacts.read(session).finding)
        let schema = try await section("schema", session) { db in [try SchemaFacts.read(db)] }
        findings += schema
        findings += try await section("horizon", session) { db in [HorizonFacts.finding(try HorizonFacts.read(db))] }
        findings.append(await NotificationCheck(database: database, session: session, logger: logger).finding())
        // Without the tables, or with those of another build, there is nothing more to ask.
        guard schema.allSatisfy({ $0.level < .problem }) else { return findings }
        findings += try await section("privileges", session) { db in [try PrivilegeFacts.read(db)] }
        findings += try await section("partitions", session) { db in
            [PartitionFacts.finding(try PartitionFacts.read(db))]
        }
        findings += try await section("tenants", session) { db in [try TenantFacts.read(db).finding] }
        findings += try await section("retention", session) { db in [OverdueWeek.finding(try OverdueWeek.read(db))] }
        findings += try await section("bonds", session) { db in [try BondFacts.read(db).finding] }
        findings += try await section("work", session) { db in try WorkFacts.read(db).findings }
        findings += try await section("cancels", session) { db in try CancelFacts.read(db).findings }
        if deep {
            findings += try await section("invariants", session) { db in [try InvariantFacts.read(db)] }
        }
        return findings
    }

    /// A statement that the server refuses is a finding of its own; a lost connection ends the examination.
    private func section(
        _ check: String, _ session: PostgresSession, _ body: @Sendable (PostgresConnection) throws -> [Finding]
    ) async throws -> [Finding] {
        do {
            return try await session.run(body)
        } catch let error as PostgresError where error.code == .server {
            return [
                .problem(
                    check, "cannot be examined: \(error.message)",
                    do: "run doctor as a role that may read the schema nightjar, such as the one the workers use")
            ]
        }
    }
}
