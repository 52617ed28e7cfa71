internal import Foundation
internal import Logging
package import Nightjar
package import NightjarCore
package import PostgresClient
internal import Synchronization

/// Executes the runs of a remote app by calling it, as Inngest's SDKs expect to be called.
package struct RemoteCaller: AppCaller {
    /// What all callers of a process share.
    package struct Environment: Sendable {
        package var client: AppClient
        /// Makes the requests that apps want made for them.
        package var gateway: Gateway
        /// Signs the calls; nil: they are not signed. An error: they cannot be made.
        package var keys: @Sendable () async throws -> SigningKeys?
        /// Where signals are claimed.
        package var pool: PostgresPool
        package var limits = RemoteLimits()

        package init(
            client: AppClient, gateway: Gateway, pool: PostgresPool,
            keys: @escaping @Sendable () async throws -> SigningKeys?
        ) {
            self.client = client
            self.gateway = gateway
            self.pool = pool
            self.keys = keys
        }
    }

    private let app: RemoteApp
    private let environment: Environment
    private let health: AppHealth

    /// - Parameter gate: Holds back the claims of the app's runs while it does not answer.
    package init(_ app: RemoteApp, gate: CallGate, environment: Environment) {
        self.app = app
        self.environment = environment
        health = AppHealth(app: app.name, gate: gate)
    }

    package func reachable() { health.reachable() }

    package func execute(_ run: RunAssignment, of function: RemoteFunction) async -> RunResult {
        let sdk = app.sdk.replacing("inngest-", with: "")
        let limits = environment.limits
        // What Go's SDK does not find in the request is not there for it.
        let body = CallBody(run, of: function, limits: limits, fetches: !sdk.hasPrefix("go"))
        let origin = ContinuousClock.now
        let execution = RemoteExecution(
            run: run, options: function.options,
            environment: RemoteExecution.Environment(
                call: { call in
                    run.executing(1)
                    defer { run.executing(-1) }
                    return await self.make(call, body, run, function)
                },
                claim: { [pool = environment.pool] claim in
                    try await pool.withConnection { db in
                        try db.query(
                            "SELECT nightjar.claim_signal($1, $2, $3, $4)",
                            [claim.signal, run.context.runID, claim.step, claim.replaces]
                        ).first?.decode(0) ?? false
                    }
                },
                hasCheckpoints: sdk.hasPrefix("js") || sdk.hasPrefix("go"),
                elapsed: { origin.duration(to: .now) }, limits: limits))
        return await execution.execute()
    }

    private func make(
        _ call: RemoteCall, _ body: CallBody, _ run: RunAssignment, _ function: RemoteFunction
    ) async -> CallAnswer {
        if case .gateway(_, let request) = call.target { return await environment.gateway.answer(request) }
        let keys: SigningKeys?
        do { keys = try await environment.keys() } catch {
            health.answered(isApp: false)
            return .failed(AppError.unreachable, "the call cannot be signed: \(error)")
        }
        let request = UUIDv7.make()
        let identity = CallBody.Identity(
            request: ULID.text(request), job: "\(body.runID)-\(run.lease.epoch)-\(call.id)")
        let bytes = body.bytes(of: call, identity)
        let step = call.step ?? "step"
        let trace = run.context.runID.uuidString.lowercased().filter { $0 != "-" }
        var headers = [
            ("Content-Type", "application/json"), ("User-Agent", "Inngest"), ("X-Run-ID", body.runID),
            ("X-Inngest-Step-ID", step), ("X-Inngest-Req-Version", "\(call.version)"),
            ("X-Request-ID", identity.request),
            ("X-Inngest-Job-ID", identity.job), ("X-Inngest-Generation-ID", "\(run.lease.epoch)"),
            ("X-Inngest-Server-Kind", keys == nil ? "dev" : "cloud"),
            ("traceparent", "00-\(trace)-\(request.uuidString.lowercased().filter { $0 != "-" }.suffix(16))-01"),
        ]
        if let key = keys?.current {
            headers.append(("X-Inngest-Signature", key.signature(of: bytes, at: Date())))
        }
        do {
            let answer = try await environment.client.post(
                CallURL.text(function.url, function: function.slug, step: step), headers: headers, body: bytes,
                limits: environment.limits)
            health.answered(isApp: answer.isOfSDK)
            return answer.read()
        } catch let failure as AppClient.Failure {
            health.answered(isApp: failure.code == AppError.outputTooLarge)
            return .failed(failure.code, failure.message)
        } catch {
            // The task was cancelled: nobody reads this.
            return .failed(AppError.unreachable, "the call was cut off")
        }
    }
}

/// Whether an app answers; of all its callers' calls together.
private final class AppHealth: Sendable {
    private let breaker = Mutex(CircuitBreaker())
    private let gate: CallGate
    private let logger = Logger(label: "nightjar.remote")
    private let app: String

    init(app: String, gate: CallGate) {
        self.app = app
        self.gate = gate
    }

    /// The app has been heard of in another way.
    func reachable() { _ = breaker.withLock { $0.succeeded() } }

    func answered(isApp: Bool) {
        let change = breaker.withLock { isApp ? $0.succeeded() : $0.failed(at: .now) }
        switch change {
        case .opened(let until):
            logger.warning("an app does not answer; its runs wait", metadata: ["app": "\(app)"])
            gate.suspend(until: until)
        case .closed:
            logger.info("an app answers again", metadata: ["app": "\(app)"])
            gate.resume()
        case nil: break
        }
    }
}
