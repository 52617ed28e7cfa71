internal import Logging
internal import Nightjar
internal import PostgresClient
internal import ServiceLifecycle

/// Executes the runs of remote apps in a process that does this, with all that it takes to call them.
struct RemoteExecutionService: Service {
    let configuration: ServerConfiguration
    let database: PostgresConfiguration
    let logger: Logger

    func run() async throws {
        let client = AppClient()
        // In dev mode only this machine is answered, and what it fetches is as a rule on it too.
        let gateway = Gateway(allowsPrivate: configuration.allowsPrivateFetch || configuration.kind == .dev)
        let given = configuration.keys.signing
        var worker = RemoteWorker(database: database, configuration: configuration.worker, logger: logger) {
            app, gate, pool in
            let keys = TenantSigningKeys(pool: pool, tenant: app.tenant, given: app.isOwn ? given : nil)
            return RemoteCaller(
                app, gate: gate,
                environment: RemoteCaller.Environment(client: client, gateway: gateway, pool: pool) {
                    let keys = try await keys.current()
                    // Its tenant's key was revoked while it was called.
                    guard keys != nil || given == nil else { throw MissingSigningKey(tenant: app.tenant) }
                    return keys
                })
        }
        // What nobody would believe is not sent: another server may have the key.
        worker.canCall = { app in given == nil || app.isOwn || app.hasKey }
        do {
            try await worker.run()
        } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
    }
}

/// Why an app is not called.
struct MissingSigningKey: Error, CustomStringConvertible {
    var tenant: Int32

    var description: String {
        "tenant \(tenant) has no signing key to sign the call with; make one with 'nightjar keys signing create --tenant \(tenant)'"
    }
}
