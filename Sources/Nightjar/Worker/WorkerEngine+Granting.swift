internal import Foundation
internal import Logging
internal import NightjarCore
internal import PostgresClient
internal import Synchronization

// Slots for the runs of functions and tenants with limits, beside the claims: see docs/concurrency.md.
extension WorkerEngine {
    func grantLoop() async {
        var failures = 0
        while !Task.isCancelled {
            await slotAlarm.wait(until: state.withLock { $0.slots.dueAt })
            if Task.isCancelled { return }
            var question: SlotSchedule.Question?
            do {
                repeat {
                    question = state.withLock { $0.slots.next(now: .now, room: room($0, now: .now)) }
                    guard let asked = question else { break }
                    let answer = try await grant(asked)
                    failures = 0
                    let goesOn = state.withLock { $0.slots.answered(asked, answer, now: .now) }
                    await granted(answer)
                    if !goesOn { break }
                } while !Task.isCancelled
            } catch {
                if Task.isCancelled { return }
                // Repeated until it works: said once, and now and then.
                logger.log(
                    level: failures % 60 == 1 ? .warning : .debug, "slots are granted later",
                    metadata: [LogKey.error: "\(error)"])
                failures += 1
                if let question { state.withLock { $0.slots.failed(question) } }
                try? await Task.sleep(for: .milliseconds(500))
                slotAlarm.ring()
            }
        }
    }

    /// Binds runs by limits that are younger than they: any app's, as any worker may. See `nightjar.bind_runs`.
    func bindLoop() async {
        while !Task.isCancelled {
            await bindAlarm.wait(until: nil)
            await bind(until: nil)
        }
    }

    /// - Parameter deadline: When somebody else may go on; nil: it ends with the walk. The poll asks for what is left.
    func bind(until deadline: Instant?) async {
        do {
            while !Task.isCancelled, deadline.map({ .now < $0 }) ?? true {
                let pause = try await pool.withConnection { db in
                    try db.query("SELECT nightjar.bind_runs()")[0].decode(0, as: Duration?.self)
                }
                guard pause == .zero else { return }
                // Those who grant slots take turns with it.
                try await Task.sleep(for: .milliseconds(1))
            }
        } catch {
            logger.debug("runs are bound by their limits later", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// How many more runs this worker would begin.
    private func room(_ state: State, now: Instant) -> Int {
        guard !state.isShuttingDown else { return 0 }
        guard let until = state.suspendedUntil else { return state.queue.room }
        return now < until || state.queue.executing > 0 ? 0 : min(state.queue.room, 1)
    }

    /// See `grant_slots.sql`.
    private func grant(_ question: SlotSchedule.Question) async throws -> SlotSchedule.Answer {
        try await grantTurns.take { [registration, pool] in
            try await pool.withConnection { db in
                let row = try db.query(
                    Statement.grantSlots.sql,
                    [
                        registration.queue, registration.functionIDs, Int32(question.most), Array(question.released),
                        Array(question.again), question.sweeps, question.swept, question.probed,
                    ])[0]
                return SlotSchedule.Answer(
                    granted: Int(try row.decode(0, as: Int32.self)), elsewhere: Int(try row.decode(1, as: Int32.self)),
                    hasMore: try row.decode(2), nextIn: try row.decode(3), leftOver: try row.decode(4),
                    swept: try row.decode(5), probed: try row.decode(6))
            }
        }
    }

    private func granted(_ answer: SlotSchedule.Answer) async {
        guard answer.granted > 0 || answer.elsewhere > 0 else { return }
        let room = state.withLock { state in
            // What was admitted may come before what was claimed already.
            if answer.granted > 0 { state.schedule.admitted() }
            return self.room(state, now: .now)
        }
        if answer.granted > 0 { alarm.ring() }
        // More than this worker begins itself, or what others are to ask for.
        if answer.granted > room || answer.elsewhere > 0 { await hints.send([.ready]) }
    }

    /// These may have given slots back.
    func released(_ runs: some Sequence<UUID> & Sendable) {
        let isActive = state.withLock { state in
            state.slots.released(runs)
            return state.slots.isActive
        }
        if isActive { slotAlarm.ring() }
    }

    /// There is room for more.
    func roomMade() {
        if state.withLock({ $0.slots.waitsForRoom }) { slotAlarm.ring() }
    }
}
