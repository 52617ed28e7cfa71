package import Foundation
package import Logging
package import NightjarCore

/// A leased run, with all that its execution needs.
package struct RunAssignment: Sendable {
    /// The number under which the run names its function.
    package var functionID: Int32
    package var context: RunContext
    /// Records what the execution does, under the lease.
    package var recorder: any RunRecorder
    /// Brings what comes for the run's open steps.
    package var mailbox: RunMailbox
    /// Names the lease to those who record steps for its holder: see ``RunLease``.
    package var lease: RunLease
    package var logger: Logger
    /// To be called at most once, when the execution is cut off: with the keys of the steps that execute then.
    package var interrupted: @Sendable ([String]) -> Void
    /// Told of each step body that begins, by 1, and of each that ends, by -1.
    package var executing: @Sendable (Int) -> Void = { _ in }
    /// Reads again what the run has recorded: others may have recorded steps under its lease.
    package var recorded: @Sendable () async throws -> [RecordedStep]
}

/// The right to record for a run, as a text that travels through an app and back.
package struct RunLease: Sendable, Hashable {
    package var run: UUID
    package var session: UUID
    package var epoch: Int32
    package var tenant: Int32

    package init(run: UUID, session: UUID, epoch: Int32, tenant: Int32) {
        self.run = run
        self.session = session
        self.epoch = epoch
        self.tenant = tenant
    }

    /// The lease as an opaque text.
    package var token: String {
        Data("\(run.uuidString.lowercased()).\(session.uuidString.lowercased()).\(epoch).\(tenant)".utf8)
            .base64EncodedString()
    }

    /// Reads a text that ``token`` made; nil when it is none.
    package init?(token: String) {
        guard let data = Data(base64Encoded: token) else { return nil }
        let parts = String(decoding: data, as: UTF8.self).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, let run = UUID(uuidString: String(parts[0])),
            let session = UUID(uuidString: String(parts[1])), let epoch = Int32(parts[2]), let tenant = Int32(parts[3])
        else { return nil }
        self.init(run: run, session: session, epoch: epoch, tenant: tenant)
    }
}

/// A function as a worker claims and executes its runs: native, or of a remote app.
package struct RunnableFunction: Sendable {
    /// Its id within its app.
    package var id: String
    /// How long a run may take from its first start; nil: as long as it likes.
    package var finishTimeout: Duration?
    /// Whether a handler of its own may have to hear of a run's end.
    package var isHandled: Bool
    /// Whether only so many of its runs may execute at once.
    package var isLimited: Bool
    package var execute: @Sendable (RunAssignment) async -> RunResult

    package init(
        id: String, finishTimeout: Duration? = nil, isHandled: Bool = false, isLimited: Bool = false,
        execute: @escaping @Sendable (RunAssignment) async -> RunResult
    ) {
        self.id = id
        self.finishTimeout = finishTimeout
        self.isHandled = isHandled
        self.isLimited = isLimited
        self.execute = execute
    }

    /// Code of this process.
    init(_ definition: FunctionDefinition) {
        self.init(
            id: definition.id, finishTimeout: definition.options.finishTimeout,
            isHandled: !definition.handlers.isEmpty, isLimited: !definition.options.limits.isEmpty
        ) { run in
            await RunExecution(
                definition: definition, context: run.context, recorder: run.recorder, logger: run.logger,
                makeEventID: { UUIDv7.make() }, mailbox: run.mailbox, interrupted: run.interrupted,
                executing: run.executing
            ).run()
        }
    }
}
