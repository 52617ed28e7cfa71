internal import Foundation
internal import Logging
internal import NightjarCore
internal import PostgresClient
internal import Synchronization

// What goes on beside the claims: cancels, the dead, hints.
extension WorkerEngine {
    func applyLoop() async {
        while !Task.isCancelled {
            await pendingAlarm.wait(until: pendingReach.owedAt)
            if Task.isCancelled { return }
            do {
                if try await applier.apply() {
                    try await Task.sleep(for: .milliseconds(50))
                    pendingAlarm.ring()
                }
            } catch {
                logger.debug("cancels are applied later", metadata: [LogKey.error: "\(error)"])
                // The poll asks for it again, but not of a worker that shuts down and whose last commits wait for it.
                try? await Task.sleep(for: .milliseconds(500))
                pendingAlarm.ring()
            }
        }
    }

    /// Applies what keeps runs from being claimed: beside the claims and the poll, since there may be much of it.
    func unblockLoop() async {
        while !Task.isCancelled {
            await blockedAlarm.wait(until: nil)
            if Task.isCancelled { return }
            do {
                // What blocks a claim may have come back from the log, with the number that it has there.
                pendingReach.demandAll()
                // What stays is being applied by somebody else, or held by an open transaction.
                if try await applier.apply() { try await Task.sleep(for: .milliseconds(10)) }
            } catch {
                logger.debug("cancels are applied later", metadata: [LogKey.error: "\(error)"])
                try? await Task.sleep(for: .milliseconds(500))
            }
            hinted()
        }
    }

    /// Carries bulk cancels on, chunk by chunk.
    func bulkLoop() async {
        while !Task.isCancelled {
            await bulkAlarm.wait(until: nil)
            if Task.isCancelled { return }
            do {
                while try await applier.advanceBulk() {}
            } catch {
                logger.debug("bulk cancels go on later", metadata: [LogKey.error: "\(error)"])
                try? await Task.sleep(for: .milliseconds(500))
                bulkAlarm.ring()
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

    /// Cancels what is out of time at the moment it is. The poll knows that moment too, so any worker does it.
    func expireLoop() async {
        while !Task.isCancelled {
            let next = state.withLock { $0.expiresAt }
            await expiryAlarm.wait(until: next)
            guard !Task.isCancelled, let next, next <= .now else { continue }
            state.withLock { if $0.expiresAt == next { $0.expiresAt = nil } }
            do {
                try await applier.expire()
            } catch {
                logger.debug("what is out of time ends later", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    /// Starts runs whose events were gathered, at the moment that is theirs.
    func gatherLoop() async {
        var next: Instant?
        while !Task.isCancelled {
            await gatherAlarm.wait(until: next)
            if Task.isCancelled { return }
            do {
                let (started, nextIn) = try await pool.withConnection { db -> (Int32, Duration?) in
                    let row = try db.query(Statement.gather.sql, [Int32(100)])[0]
                    return (try row.decode(0), try row.decode(1))
                }
                // The runs of other apps are for their workers.
                if started > 0 {
                    hinted()
                    await hints.send([.ready, .pending])
                }
                next = nextIn.map { .now + max($0, .milliseconds(1)) }
            } catch {
                logger.debug("what is gathered starts later", metadata: [LogKey.error: "\(error)"])
                next = .now + .milliseconds(500)
            }
        }
    }

    /// Some run's time is up then.
    func expect(expiryAt instant: Instant) {
        let isSooner = state.withLock { state in
            if let known = state.expiresAt, known <= instant { return false }
            state.expiresAt = instant
            return true
        }
        if isSooner { expiryAlarm.ring() }
    }

    /// Brings executing runs what has come for their steps.
    func answerLoop() async {
        while !Task.isCancelled {
            await executions.answerAlarm.wait(until: nil)
            let leases = executions.takeAnswered()
            if leases.isEmpty { continue }
            do {
                for (session, group) in Dictionary(grouping: leases, by: \.session) {
                    let found = try await pool.withConnection { db in
                        try Arrivals.read(db, of: group.map(\.run), session: session)
                    }
                    let byRun = Dictionary(group.map { ($0.run, $0) }) { first, _ in first }
                    for arrivals in found {
                        if let lease = byRun[arrivals.run] { executions.deliver(arrivals, to: lease) }
                    }
                }
            } catch {
                logger.debug("answers are fetched later", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    func listen() async {
        let metrics = ListenerMetrics(listener: app)
        defer { metrics.ended() }
        for await element in PostgresNotifications(database, channels: [Hint.channel], logger: logger) {
            switch element {
            case .listening:
                metrics.listening()
                listening()
            case .notification(_, let payload, _):
                metrics.notified()
                heard(payload)
            case .lost(let error):
                metrics.lost()
                logger.info("not listening; polling", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    /// What was sent while nobody listened is lost: look once.
    func listening() {
        hinted()
        pendingHinted()
        gatherAlarm.ring()
    }

    func heard(_ payload: String, ready: Bool = true) {
        for hint in Hint.parse(payload) where ready || hint != .ready { heard(hint) }
    }

    private func heard(_ hint: Hint) {
        switch hint {
        case .ready: hinted()
        case .pending: pendingHinted()
        case .more: lookSoon()
        case .gathered: gatherAlarm.ring()
        case .cancelled(let session, let run): cancelled(run: run, session: session)
        case .answered(let session, let run): executions.answered(run: run, session: session)
        }
    }

    /// Something is there to be applied: events, or a bulk cancel.
    func pendingHinted() {
        pendingAlarm.ring()
        bulkAlarm.ring()
    }

    /// A run that this worker leases was cancelled, whether it executes or waits here for a slot.
    func cancelled(run: UUID, session: UUID) {
        if executions.cancel(run: run, session: session) { return }
        let dropped = state.withLock { state in
            let dropped = state.queue.remove { $0.run.lease.run == run && $0.run.lease.session == session }
            state.leases.subtract(dropped.map(\.run.lease))
            if dropped.isEmpty { state.cancelledMeanwhile?.insert(run) }
            if dropped.isEmpty, let lease = state.leases.first(where: { $0.run == run && $0.session == session }) {
                // On its way from the queue to its execution.
                executions.doom(lease)
            }
            return dropped
        }
        for queued in dropped { interruptions.ended(queued.run.lease) }
        if !dropped.isEmpty { alarm.ring() }
    }

    func sessionLost() {
        metrics.sessionLost()
        state.withLock { state in state.leases.subtract(state.queue.drain().map(\.run.lease)) }
        if executions.count > 0 {
            logger.error("session lost: what executes is abandoned", metadata: [LogKey.count: "\(executions.count)"])
        }
        executions.cancelAll()
    }
}
