internal import Foundation
internal import Logging
internal import Nightjar
internal import NightjarCore
internal import PostgresClient

/// One execution of a remote app's run: the shell around ``RemoteMachine``.
struct RemoteExecution: Sendable {
    /// What it needs from outside; injected, so that tests need neither network nor database nor time.
    struct Environment: Sendable {
        /// Makes a call. In a cancelled task it gives up soon.
        var call: @Sendable (RemoteCall) async -> CallAnswer
        /// Makes a step the one that waits for a signal; false when another one does.
        var claim: @Sendable (SignalClaim) async throws -> Bool
        /// Whether others may record steps of the run while it is called.
        var hasCheckpoints = false
        /// Time that has passed since some fixed moment.
        var elapsed: @Sendable () -> Duration
        var random: @Sendable () -> Double = { .random(in: 0..<1) }
        var limits = RemoteLimits()
    }

    let run: RunAssignment
    let options: FunctionOptions
    let environment: Environment

    /// Executes the run until it ends, parks, or is stopped.
    func execute() async -> RunResult {
        let inbox = Inbox()
        run.mailbox.open { arrivals, mail in inbox.put(.arrivals(arrivals, mail: mail)) }
        defer { run.mailbox.close() }
        return await withTaskCancellationHandler {
            await withTaskGroup(of: Void.self) { group in
                // Whatever is still under way when the run ends here is cut off.
                defer { group.cancelAll() }
                return await drive(inbox, &group)
            }
        } onCancel: {
            inbox.put(.stop)
        }
    }

    private func drive(_ inbox: Inbox, _ group: inout TaskGroup<Void>) async -> RunResult {
        var machine = RemoteMachine(context: run.context, options: options, limits: environment.limits)
        let beginning = RemoteMachine.beginning(of: run.context)
        let beginningElapsed = environment.elapsed()
        func now() -> Date { beginning.addingTimeInterval((environment.elapsed() - beginningElapsed) / .seconds(1)) }
        while true {
            for item in inbox.take() {
                switch item {
                case .answer(let answer, let call):
                    await merge(into: &machine)
                    machine.received(answer, of: call, now: now(), random: environment.random())
                case .arrivals(let arrivals, let mail): machine.deliver(arrivals, mail: mail)
                case .stop: machine.abandon()
                }
            }
            if Task.isCancelled { machine.abandon() }
            let executing = machine.executing
            switch machine.next(now: now(), random: environment.random()) {
            case .claim(let claim):
                do {
                    if let isGranted = try await grant(claim) { machine.claimed(claim, isGranted: isGranted) }
                } catch {
                    machine.fail(RunError(name: "InvalidSignal", message: error.message, code: "invalid_signal"))
                }
            case .commit(let commit):
                machine.answered(commit, await run.recorder.commit(commit, of: run.context.runID))
            case .call(let calls):
                for call in calls {
                    group.addTask { [environment] in inbox.put(.answer(await environment.call(call), call: call.id)) }
                }
            case .rest(let date):
                await inbox.wait(atMost: date.map { .seconds(max($0.timeIntervalSince(now()), 0)) })
            case .finish(let result):
                switch result {
                case .abandoned, .refused: run.interrupted(executing)
                case .ended, .parked: break
                }
                return result
            }
        }
    }

    /// Takes up what others have recorded for the run; nothing can be decided without it.
    private func merge(into machine: inout RemoteMachine) async {
        guard environment.hasCheckpoints else { return }
        if let steps = await persistently("read what the run has recorded", { try await run.recorded() }) {
            machine.merge(steps)
        }
    }

    /// - Throws: What the database has against the signal itself.
    private func grant(_ claim: SignalClaim) async throws(PostgresError) -> Bool? {
        let answer = await persistently("claim a signal") { () async throws -> Result<Bool, PostgresError> in
            do {
                return .success(try await environment.claim(claim))
            } catch let error as PostgresError where error.code == .server && !error.isRetryable {
                return .failure(error)
            }
        }
        return try answer?.get()
    }

    /// Tries until it works; nil when the task is cancelled.
    private func persistently<Value>(_ what: String, _ work: () async throws -> Value) async -> Value? {
        while !Task.isCancelled {
            do {
                return try await work()
            } catch {
                run.logger.warning(
                    "cannot \(what); trying again",
                    metadata: ["run": "\(run.context.runID.uuidString.lowercased())", "error": "\(error)"])
                try? await Task.sleep(for: .seconds(1))
            }
        }
        return nil
    }
}
