internal import Foundation
internal import NightjarCore

// What to do next.
extension RemoteMachine {
    mutating func next(now: Date, random: Double) -> Move {
        if let result { return .finish(result) }
        let now = max(now, lastMoment)
        takeArrivals(now)
        takeTimeouts(now)
        takeSleeps(now)
        if let outcome { return .commit(commit(.end(outcome))) }
        if let claim = claims.first { return .claim(claim.claim) }
        if !isReady(now), inFlight.isEmpty { return leaving(now, random) }
        if hasPending { return .commit(commit(.keep)) }
        if isReady(now) { return .call(startable(now)) }
        return .rest(until: wakeUps(now).map(\.date).min())
    }

    /// Nothing is under way and nothing can be done now: the run parks, unless it is worth waiting here.
    private mutating func leaving(_ now: Date, _ random: Double) -> Move {
        let wakeUps = wakeUps(now)
        guard let first = wakeUps.map(\.date).min() else {
            fruitless += 1
            needsDiscovery = true
            if fruitless >= limits.fruitlessCalls { functionFailed(Self.nothingNew, now: now, random: random) }
            return next(now: now, random: random)
        }
        let isRetry = wakeUps.contains { $0.date == first && $0.reason == .retrying }
        if isRetry, first.timeIntervalSince(now) <= limits.patience {
            return hasPending ? .commit(commit(.keep)) : .rest(until: first)
        }
        // What comes from outside is named first, whenever it comes; of a sleep and a retry at the same moment the retry.
        let reasons = wakeUps.filter { $0.date == first || $0.reason == .waiting || $0.reason == .invoking }.map(
            \.reason)
        let reason = [.waiting, .invoking, .retrying].first(where: reasons.contains)
        return .commit(commit(.park(until: first, reason: reason ?? .sleeping)))
    }

    static let nothingNew = RunError(
        name: "NoProgress",
        message: "the app answered several times in a row that the function goes on, but not with what; "
            + "await nothing outside of steps that ends only after the answer",
        code: AppError.noProgress)

    var hasPending: Bool {
        !pending.steps.isEmpty || !pending.attempts.isEmpty || !pending.openings.isEmpty
    }

    /// Everything pending, and what follows.
    private func commit(_ next: Next) -> RunCommit {
        var commit = pending
        commit.next = next
        commit.mail = mail
        commit.remoteState = state.encoded
        if case .end = next {
            commit.openings = []
        } else {
            let ended = Set(commit.steps.map(\.step))
            commit.openings.removeAll { ended.contains($0.step) }
        }
        return commit
    }

    // MARK: Calls

    private var isDiscovering: Bool {
        inFlight.values.contains { if case .discovery = $0.call.target { true } else { false } }
    }

    private func canDiscover(_ now: Date) -> Bool {
        needsDiscovery && !isDiscovering && discoveryNotBefore ?? .distantPast <= now
    }

    private func due(_ now: Date) -> [(key: String, value: Planned)] {
        planned.filter { $0.value.call == nil && $0.value.notBefore ?? .distantPast <= now }
            .sorted { $0.value.order < $1.value.order }
    }

    private func isReady(_ now: Date) -> Bool {
        guard inFlight.count < limits.parallelCalls else { return false }
        return canDiscover(now) || !due(now).isEmpty
    }

    /// Starts the calls that can be made now.
    private mutating func startable(_ now: Date) -> [RemoteCall] {
        let snapshot = snapshot(now)
        var calls: [RemoteCall] = []
        for (step, plan) in due(now).prefix(limits.parallelCalls - inFlight.count) {
            let target = plan.gateway.map { RemoteCall.Target.gateway(step, $0) } ?? .step(step)
            calls.append(start(target, attempt: plan.failures, snapshot, now))
            planned[step]?.call = lastCall
        }
        if canDiscover(now), inFlight.count < limits.parallelCalls {
            // Once all of a group are over, the app may again execute what it comes to.
            if state.version >= 2, planned.isEmpty { state.plansOnly = false }
            needsDiscovery = false
            discoveryNotBefore = nil
            calls.append(start(.discovery, attempt: streak + (unasked?.failures ?? 0), snapshot, now))
        }
        return calls
    }

    private mutating func start(
        _ target: RemoteCall.Target, attempt: Int, _ memo: MemoSnapshot, _ now: Date
    ) -> RemoteCall {
        lastCall += 1
        let call = RemoteCall(
            id: lastCall, target: target, attempt: attempt, version: state.version,
            // What is planned already must not be executed twice.
            plansOnly: state.plansOnly || !planned.isEmpty, memo: memo)
        inFlight[lastCall] = (call, now)
        return call
    }

    /// What the app is told: the steps that are over, in the order in which they were.
    private func snapshot(_ now: Date) -> MemoSnapshot {
        var over = memo.filter { sleeping[$0.step] == nil }
        let isOrdered = zip(over, over.dropFirst()).allSatisfy { $0.settledAt <= $1.settledAt }
        // Swift's sort is stable: what was over at the same moment stays in the order of recording.
        if !isOrdered { over.sort { $0.settledAt < $1.settledAt } }
        return MemoSnapshot(
            stack: over.map(\.step), entries: Dictionary(over.map { ($0.step, $0.text) }) { first, _ in first })
    }

    // MARK: Waking

    /// When something can go on, of itself, that cannot now.
    private func wakeUps(_ now: Date) -> [(date: Date, reason: ParkReason)] {
        var wakeUps: [(date: Date, reason: ParkReason)] = []
        if needsDiscovery, let date = discoveryNotBefore, date > now { wakeUps.append((date, .retrying)) }
        for plan in planned.values where plan.call == nil {
            if let date = plan.notBefore, date > now { wakeUps.append((date, .retrying)) }
        }
        wakeUps += sleeping.values.map { ($0, .sleeping) }
        wakeUps += open.values.map { ($0.dueAt, $0.kind == .invoke ? .invoking : .waiting) }
        return wakeUps
    }
}
