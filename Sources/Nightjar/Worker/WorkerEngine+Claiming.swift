internal import Foundation
internal import Logging
internal import NightjarCore
internal import PostgresClient
internal import Synchronization

// Claim, begin, wait for the next reason to.
extension WorkerEngine {
    func claimLoop(_ group: inout DiscardingTaskGroup) async {
        while !Task.isCancelled {
            begin(&group)
            let now = ContinuousClock.now
            let action = state.withLock { state -> ClaimSchedule.Action? in
                guard !state.isShuttingDown else { return nil }
                var room = state.queue.room
                if let until = state.suspendedUntil {
                    // The look goes on: what executes may be cancelled meanwhile.
                    room = now < until || state.queue.executing > 0 ? 0 : min(room, 1)
                }
                let action = state.schedule.next(now: now, room: room, jitter: .random(in: 0...1))
                guard case .wait(let moment) = action, let until = state.suspendedUntil, now < until else {
                    return action
                }
                return .wait(until: min(moment, until))
            }
            sample()
            do {
                switch action {
                case nil: return
                case .wait(let until): await alarm.wait(until: until)
                case .look(let low, let overdue): try await look(low: low, overdue: overdue, &group)
                case .claim(let limit, let low, let overdue):
                    try await claim(limit: limit, low: low, overdue: overdue, &group)
                }
            } catch {
                if Task.isCancelled { return }
                metrics.databaseFailed()
                // What a claim has leased whose answer was lost goes back soon.
                state.withLock { $0.lostLeasesAt = .now }
                logger.warning("the database does not answer", metadata: [LogKey.error: "\(error)"])
                await alarm.wait(until: .now + configuration.pollInterval)
            }
        }
    }

    func claim(limit: Int, low: Int64, overdue: Duration?, _ group: inout DiscardingTaskGroup) async throws {
        guard let id = session.current else {
            await alarm.wait(until: .now + .milliseconds(100))
            return
        }
        let asked = ContinuousClock.now
        let (asksNextDue, dealsAfter, saysPass) = state.withLock { state in
            state.cancelledMeanwhile = []
            return (state.schedule.asksNextDue, state.schedule.dealsAfter, state.fairOrder.isDue(now: asked))
        }
        defer { state.withLock { $0.cancelledMeanwhile = nil } }
        var (claim, memos) = try await pool.withConnection { [registration = self.registration, tenants] db in
            var claim = try Claim.make(
                db, queue: registration.queue, functions: registration.functionIDs,
                finishLimits: registration.finishLimits, session: id, limit: limit, low: low,
                overdue: overdue, asksNextDue: asksNextDue, dealsAfter: dealsAfter)
            if saysPass { try claim.sayPass(db, queue: registration.queue) }
            try claim.runs.readBatches(db)
            try tenants.read(db, of: claim.runs)
            let resumed = claim.runs.filter { !$0.isBlank }.map(\.lease.run)
            return (claim, resumed.isEmpty ? [:] : try Memo.read(db, of: resumed))
        }
        let now = ContinuousClock.now
        let count = claim.count
        metrics.claimed(claim, took: now - asked)
        let dropped = state.withLock { state in
            let dropped = claim.drop(state.cancelledMeanwhile ?? [])
            state.leases.formUnion(claim.runs.map(\.lease))
            state.leases.formUnion(claim.unreadable.map(\.lease))
            let delay = claim.answered.server.map {
                state.answerDelay.delay(answeredAt: $0, now: claim.answered.at) + (now - claim.answered.at)
            }
            if let (isFair, pass) = claim.said { state.fairOrder.answered(isFair: isFair, pass: pass, now: now) }
            state.schedule.claimed(
                count: count, due: claim.due, old: claim.old, limit: limit, dealtTo: claim.dealtTo,
                passes: state.fairOrder.bounds(claim.newPasses),
                nextDueIn: claim.nextDueIn.map { next in next.map { $0 - (delay ?? .zero) } }, now: now)
            state.slots.claimed(claim.runs.count(where: \.isLimited), isAll: dealsAfter == nil && count < limit)
            state.queue.add(claim.runs.map { ($0, memos[$0.lease.run] ?? Memo(), now) }, now: now)
            return dropped
        }
        for lease in dropped { interruptions.ended(lease) }
        roomMade()
        if let first = claim.runs.compactMap({ run in run.expiresAt.map { $0.timeIntervalSince(run.now) } }).min() {
            expect(expiryAt: now + .seconds(max(0, first)))
        }
        let unreadable = claim.unreadable
        if !unreadable.isEmpty { group.addTask { await self.fail(unreadable) } }
        if claim.blocked > 0 {
            blockedAlarm.ring()
            if claim.runs.isEmpty { await alarm.wait(until: .now + .milliseconds(10)) }
        }
    }

    /// The poll behind every hint; also the moment to compare what executes with what is leased.
    func look(low: Int64, overdue: Duration?, _ group: inout DiscardingTaskGroup) async throws {
        let asked = ContinuousClock.now
        let id = session.current
        let registration = registration
        let (queue, functions) = (registration.queue, registration.functionIDs)
        let known = state.withLock { state in
            state.schedule.looking()
            return state.leases
        }
        // Those that nobody knows of are found among all that this session ever leased, as long as a snapshot holds these.
        let runs = asked < state.withLock { $0.lostLeasesAt } ? known.map(\.run) : nil
        let sight: Sight
        // Idle: nothing would be lost with the session, should the look make the beat late. The next one may come late, too.
        if known.isEmpty, let beating = session.beating(before: asked + configuration.pollInterval * 1.5) {
            sight = try await session.beat(beating) { db in
                let sight = try Sight.look(
                    db, queue: queue, functions: functions, session: id, beating: beating,
                    low: low, overdue: overdue, known: runs)
                return (sight, lives: sight.hasBeaten)
            }
        } else {
            sight = try await pool.withConnection { db in
                try Sight.look(
                    db, queue: queue, functions: functions, session: id, low: low, overdue: overdue,
                    known: runs)
            }
        }
        let (gone, surplus) = state.withLock { state -> ([Lease], [Lease]) in
            if runs == nil { state.lostLeasesAt = .now + min((.now - asked) * 100, .seconds(10)) }
            state.schedule.looked(ready: sight.ready, below: sight.below, dueIn: sight.dueIn, now: .now)
            state.isHeard = sight.isHeard
            state.slots.polled(isLimited: sight.isLimited)
            let gone = id == nil ? [] : state.queue.remove { $0.claimedAt < asked && sight.held[$0.run.lease] == nil }
            state.leases.subtract(gone.map(\.run.lease))
            let stale = state.queue.tick(giveBackClaimedBefore: asked - .seconds(1))
            // Claims and looks take turns, so what is held and not known is held by nobody's hand: a claim's answer was
            // lost.
            let lost = id == nil ? [] : Set(sight.held.keys).subtracting(known)
            state.leases.formUnion(lost)
            if !lost.isEmpty { state.lostLeasesAt = asked }
            return (gone.map(\.run.lease), stale.map(\.run.lease) + lost)
        }
        if let expiresIn = sight.expiresIn { expect(expiryAt: .now + max(expiresIn, .zero)) }
        slotAlarm.ring()
        if sight.pending { pendingHinted() }
        if sight.hasGathered { gatherAlarm.ring() }
        if sight.dead { deadAlarm.ring() }
        if sight.hasUnbound { bindAlarm.ring() }
        for lease in gone { interruptions.ended(lease) }
        // Also where a claim's answer was lost: then nothing of it executes, and nobody else would say so.
        if let id {
            for run in sight.interrupted where !executions.contains(run: run, session: id) {
                interruptions.ended(Lease(run: run, session: id, epoch: 0))
            }
        }
        if id != nil, executions.keep(only: sight.held, asked: asked) + gone.count > 0 {
            logger.debug("runs had been cancelled without a hint")
        }
        // Beside the claims: somebody may hold one of these rows locked, or its cancel is yet to be applied.
        if !surplus.isEmpty { group.addTask { await self.handBack(surplus) } }
    }

    /// Once a poll interval at least.
    private func sample() {
        metrics.sampled(queued: state.withLock { $0.queue.count }, slots: configuration.concurrency)
        poolMetrics?.sample()
    }

    func hinted() {
        let isLimited = state.withLock { state in
            state.schedule.hinted()
            state.slots.hinted()
            return state.slots.isActive
        }
        alarm.ring()
        if isLimited { slotAlarm.ring() }
    }

    /// Something may come of which no hint will tell.
    func lookSoon() {
        state.withLock { $0.schedule.lookSoon(now: .now) }
        alarm.ring()
    }
}
