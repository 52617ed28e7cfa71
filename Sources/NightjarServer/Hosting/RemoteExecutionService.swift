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
        let keys = configuration.keys.signing
        let worker = RemoteWorker(database: database, configuration: configuration.worker, logger: logger) {
            app, gate, pool in
            RemoteCaller(
                app, gate: gate,
                environment: RemoteCaller.Environment(client: client, gateway: gateway, keys: keys, pool: pool))
        }
        do {
            try await worker.run()
        } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
    }
}
