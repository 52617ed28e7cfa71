import Foundation

@testable import Nightjar

/// Compares what a history wrote down with what the database recorded. Each check answers what is wrong, the worst first;
/// empty: nothing.
struct HistoryChecker: Sendable {
    let probe: Probe
    let journal: Journal
    let record: HistoryRecord

    init(probe: Probe, journal: Journal) async throws {
        self.probe = probe
        self.journal = journal
        record = try await probe.reporting { db in try HistoryRecord(db, journal) }
    }

    var counts: [String: Int] { Dictionary(record.runs.values.map { ($0.status, 1) }, uniquingKeysWith: +) }

    /// How many runs were cancelled in which way, and what became of steps that waited.
    var kinds: [String: Int] {
        var kinds = Dictionary(
            record.runs.values.compactMap(\.cause).map { ($0.kind + ($0.timeout.map { " \($0)" } ?? ""), 1) },
            uniquingKeysWith: +)
        for step in record.steps.values.joined() where step.kind >= 4 {
            let end = step.isTimedOut ? "timed out" : step.failed ? step.errorCode ?? "failed" : "answered"
            kinds["\(step.kind == 4 ? "wait" : "invocation") \(end)", default: 0] += 1
        }
        return kinds
    }

    // MARK: - Events and their runs

    /// Every event that is there started its runs; the view counts those that started two.
    func eventsWithoutRun() -> [String] {
        let begun = Set(record.runs.values.map { "\($0.function) \($0.trigger.id)" })
        return record.events.values.compactMap { event in
            guard let function = HistoryRules.triggers[event.name] else { return nil }
            return begun.contains("\(function) \(event.id)") ? nil : "\(event.name) \(event.id)"
        }
    }

    /// What was acknowledged is there.
    func acknowledgedEventsThatAreMissing() -> [String] {
        journal.acknowledgements.filter { record.events[$0.event] == nil }.map { "\($0.event)" }
    }

    /// An execution of a step that began after the step was recorded.
    func executionsAfterTheirRecord() -> [String] {
        let executions = journal.executions
        return record.steps.values.joined().compactMap { step in
            let key = "\(step.run.uuidString.lowercased()) \(step.step)"
            let late = (executions[key] ?? []).filter { $0 > step.recordedAt }
            return late.isEmpty ? nil : "\(key) recorded \(step.recordedAt), executed \(late)"
        }
    }

    /// A run that began although the time for that was over.
    func lateStarts() -> [String] {
        record.runs.values.compactMap { run in
            guard run.function == "limited", let startedAt = run.startedAt else { return nil }
            // A claim's time is that of its transaction; nothing of the run's is earlier than its id.
            let limit = run.createdAt + HistoryRules.startLimit / .seconds(1) + 0.05
            return startedAt > limit ? "\(run.id) created \(run.createdAt), started \(startedAt)" : nil
        }
    }

    /// What nobody needs any more and is there all the same.
    func leftovers() async throws -> [String] {
        try await probe.reporting { db in
            try db.query(
                """
                SELECT 'live ' || count(*) FROM nightjar.live HAVING count(*) > 0 UNION ALL
                SELECT 'pending ' || count(*) FROM nightjar.pending HAVING count(*) > 0 UNION ALL
                SELECT 'waits ' || count(*) FROM nightjar.waits HAVING count(*) > 0 UNION ALL
                SELECT 'open steps ' || count(*) FROM nightjar.open_steps HAVING count(*) > 0
                """
            ).map { try $0.decode(0, as: String.self) }
        }
    }

    // MARK: - System events

    /// Exactly one `inngest/function.cancelled` for each cancelled run that a handler or a listener has to hear of, exactly
    /// one run of each of them, and the same for failures and for the ends of invoked runs. None for anybody else.
    func wrongNotices() -> [String] {
        let system = record.events.values.filter { $0.run != nil }
        let notices = Dictionary(grouping: system, by: { "\($0.name) \($0.run?.uuidString ?? "")" })
        let started = Dictionary(
            record.runs.values.filter { $0.rerunOf == nil }.map { ("\($0.function) \($0.trigger.id)", 1) },
            uniquingKeysWith: +)
        var wrong: [String] = []
        for run in record.runs.values {
            let isCancelled = run.status == "cancelled"
            let isLoud = HistoryRules.isLoud(run)
            let isHandled = HistoryRules.handled.contains(run.function)
            func expect(_ name: String, _ isDue: Bool, _ listeners: [(String, Bool)]) {
                let found = notices["inngest/function.\(name) \(run.id.uuidString)"] ?? []
                if found.count != (isDue ? 1 : 0) {
                    wrong.append("\(found.count) \(name) of \(run.status) \(run.function) \(run.id)")
                }
                for event in found {
                    for (function, hears) in listeners
                    where started["\(function) \(event.id)", default: 0] != (hears ? 1 : 0) {
                        wrong.append("\(function) for \(name) of \(run.function) \(run.id)")
                    }
                }
            }
            expect(
                "cancelled", isCancelled && (isLoud || isHandled),
                [("audit", isLoud)] + HistoryRules.handled.map { ("\($0)-cancel", $0 == run.function) })
            let mourns = run.status == "failed" && run.function == "ask"
            expect("failed", mourns, [("ask-failure", mourns)])
            expect("finished", run.parent != nil, [])
        }
        return wrong
    }
}
