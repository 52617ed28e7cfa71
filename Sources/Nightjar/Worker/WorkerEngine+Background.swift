internal import Foundation
internal import Logging
internal import NightjarCore
internal import PostgresClient
internal import Synchronization

// What goes on beside the claims: cancels, the dead, hints.
extension WorkerEngine {
    func applyLoop() async {
        while !Task.isCancelled {
            await pendingAlarm.wait(until: nil)
            if Task.isCancelled { return }
            do {
                if try await applier.apply() {
                    try await Task.sleep(for: .milliseconds(50))
                    pendingAlarm.ring()
                }
            } catch {
                logger.debug("cancels are applied later", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    func reapLoop() async {
        while !Task.isCancelled {
            await deadAlarm.wait(until: nil)
            if Task.isCancelled { return }
            do {
                if try await reaper.reap() > 0 {
                    hinted()
                    await hints.send([.ready])
                }
            } catch {
                logger.debug("the dead are buried later", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    func listen() async {
        for await element in PostgresNotifications(database, channels: [Hint.channel], logger: logger) {
            switch element {
            case .listening:
                // What was sent while nobody listened is lost: look once.
                hinted()
                pendingAlarm.ring()
            case .notification(_, let payload, _):
                for hint in Hint.parse(payload) { heard(hint) }
            case .lost(let error):
                logger.info("not listening; polling", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    func heard(_ hint: Hint) {
        switch hint {
        case .ready: hinted()
        case .pending: pendingAlarm.ring()
        case .cancelled(let session, let run): executions.cancel(run: run, session: session)
        }
    }

    func sessionLost() {
        state.withLock { state in state.leases.subtract(state.queue.drain().map(\.run.lease)) }
        if executions.count > 0 {
            logger.error("session lost: what executes is abandoned", metadata: [LogKey.count: "\(executions.count)"])
        }
        executions.cancelAll()
    }
}
