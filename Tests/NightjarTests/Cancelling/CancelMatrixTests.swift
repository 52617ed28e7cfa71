import Foundation
import NightjarCore
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// Every state × every way of cancelling.
struct CancelMatrixTests {
    @Test(
        "Whatever a run is doing, whatever cancels it: one end, told in full and once, and nothing of it afterwards",
        arguments: CancelCell.State.allCases.filter { $0 != .ended })
    func cancelled(state: CancelCell.State) async throws {
        try await Self.withCells(of: state) { cells, functions, client, probe in
            var expected: [(cell: CancelCell, before: RunFacts, cause: [String: JSON])] = []
            for cell in cells {
                let before = try await probe.facts(of: cell.run)
                expected.append((cell, before, try await cell.cancel(client, probe)))
            }
            if state == .waiting {
                // What they waited for comes too late.
                for cell in cells {
                    _ = try await probe.facts(of: cell.run, when: cell.name) { $0.status == "cancelled" }
                    try await client.send(CellSignal(key: cell.key))
                }
            }
            return { [expected] in
                for (cell, before, cause) in expected {
                    try await Self.check(cell, before, cause, functions, probe)
                }
            }
        }
    }

    @Test("A run that has ended stays as it is, whatever is to cancel it, and the answers say so")
    func ended() async throws {
        try await Self.withCells(of: .ended) { cells, functions, client, probe in
            for cell in cells {
                let before = try await probe.facts(of: cell.run, when: "\(cell.name): its end is heard") { _ in
                    functions.events("finished", of: cell.run).count == 1
                }
                _ = try await cell.cancel(client, probe)
                try await eventually("\(cell.name): nothing is left to be done") {
                    try await probe.value("SELECT count(*) FROM nightjar.pending", as: Int64.self) == 0
                }
                let after = try await probe.facts(of: cell.run)
                #expect(before == after, cell.name)
                #expect(after.status == "completed", cell.name)
                #expect(after["cancellation"] == .null, cell.name)
                #expect(after.events("cancelled").isEmpty, cell.name)
                #expect(after.events("finished").map { $0["data"]?["_inngest"]?["status"] } == ["Completed"], cell.name)
                #expect(functions.cancellations(of: cell.run).isEmpty, cell.name)
            }
            return {}
        }
    }

    // MARK: - One cell

    private static func check(
        _ cell: CancelCell, _ before: RunFacts, _ cause: [String: JSON], _ functions: CellFunctions, _ probe: Probe
    ) async throws {
        let (name, run) = (cell.name, cell.run)
        let facts = try await probe.facts(of: run, when: "\(name): all have heard of it") { facts in
            facts.status == "cancelled" && functions.cancellations(of: run).count >= 1
                && functions.events("cancelled", of: run).count >= 1
                && functions.events("finished", of: run).count >= 1
                && (!cell.state.isLeased || facts.cancellation?["execution_ended_at"] != .null)
        }
        let session = before["live"]["session_id"] ?? .null
        #expect((session != .null) == cell.state.isLeased, name)

        // The cause, in the outcome and in the view.
        var stored = facts["cause"].object ?? [:]
        #expect(stored.removeValue(forKey: "asked_at") != nil, name)
        #expect(stored.removeValue(forKey: "applied_at") != nil, name)
        var whole = cause.merging(["was": .string(cell.state.status), "session": session]) { first, _ in first }
        if !cell.openSteps.isEmpty { whole["open"] = .array(cell.openSteps) }
        #expect(stored == whole, name)
        #expect(facts["was_asked_before"] == true, name)
        try checkView(cell, facts, cause, session)

        // Nothing is left of it, and nothing was begun or recorded after its end.
        #expect(facts["live"] == .null, name)
        #expect(facts["waits"] == 0 && facts["open_steps"] == 0, name)
        #expect(facts.steps == before.steps, name)
        #expect(facts["attempts"] == before["attempts"], name)
        #expect(
            functions.log.lines.filter { $0.hasPrefix("\(cell.key) ") }.sorted()
                == functions.lines(of: cell.state).map { "\(cell.key) \($0)" }.sorted(), name)

        try await checkEvents(cell, facts, functions)
        try checkHandler(cell, facts, functions)
        if cell.state == .invoking {
            let child = try await probe.run { db in
                try db.query("SELECT run_id FROM nightjar.runs WHERE parent_run_id = $1", [run])[0]
                    .decode(0, as: UUID.self)
            }
            let facts = try await probe.facts(of: child, when: "\(name): what it invoked is cancelled") {
                $0.status == "cancelled"
            }
            #expect(facts["cause"]["parent"] == .string(run.uuidString.lowercased()), name)
        }
    }

    private static func checkView(
        _ cell: CancelCell, _ facts: RunFacts, _ cause: [String: JSON], _ session: JSON
    ) throws {
        var row = try #require(facts.cancellation, cell.name)
        let times = ["asked_at", "applied_at", "told_at", "execution_ended_at"].map { row.removeValue(forKey: $0) }
        #expect(times.map { $0 != .null } == [true, true, cell.state.isLeased, cell.state.isLeased], cell.name)
        let worker = row.removeValue(forKey: "worker")?.string
        #expect((worker?.hasPrefix("cells ") ?? false) == cell.state.isLeased, cell.name)
        let policy: JSON =
            switch cell.way {
            case .match: "match data.key"
            case .condition: "if async.data.key == event.data.key && async.data.level > event.data.level"
            default: .null
            }
        let executing: JSON =
            switch cell.state {
            case .executing: ["body"]
            case .between: []
            default: .null
            }
        var whole: [String: JSON] = ["policy": policy, "executing": executing, "session_id": session]
        whole["executes"] = false
        whole["open_steps"] = .array(cell.openSteps)
        whole["was"] = .string(cell.state.status)
        for column in ["kind", "event_id", "event_name", "policy_id", "timeout", "bulk_id", "actor", "reason"] {
            whole[column] = cause[column] ?? .null
        }
        whole["parent_run_id"] = cause["parent"] ?? .null
        #expect(row == whole, cell.name)
    }

    private static func checkEvents(_ cell: CancelCell, _ facts: RunFacts, _ functions: CellFunctions) async throws {
        #expect(facts.events("failed").isEmpty, cell.name)
        for (end, started) in [("cancelled", ["hears-cancelled", "work-cancel"]), ("finished", ["hears-finished"])] {
            let events = facts.events(end)
            #expect(events.count == 1, cell.name)
            let event = try #require(events.first, cell.name)
            #expect(event["started"] == .array(started.map { .string($0) }), cell.name)
            let data = try #require(event["data"]?.object, cell.name)
            #expect(functions.events(end, of: cell.run).map(\.data) == [.object(data)], cell.name)

            var keys: Set = [
                "function_id", "run_id", "event", "events", "cause", "error", "_inngest", "_nightjar",
            ]
            if end == "cancelled" { keys.insert("steps") }
            if cell.way == .parent { keys.insert("correlation_id") }
            #expect(Set(data.keys) == keys, cell.name)
            #expect(data["function_id"] == "cells-work", cell.name)
            #expect(data["run_id"] == .string(cell.run.uuidString.lowercased()), cell.name)
            #expect(data["cause"] == facts["cause"], cell.name)
            #expect(data["error"]?["code"] == "invoked_cancelled", cell.name)
            #expect(data["_inngest"] == ["status": "Cancelled"], cell.name)
            #expect(data["_nightjar"]?["quiet"] == false, cell.name)
            #expect(data["events"] == .array([data["event"] ?? .null]), cell.name)
            let trigger = try #require(data["event"]?.object, cell.name)
            #expect(Set(trigger.keys) == ["id", "name", "data", "user", "ts"], cell.name)
            #expect(trigger["data"]?["key"] == .string(cell.key), cell.name)
            if let event = cell.event {
                #expect(trigger["id"] == .string(event.lowercased()), cell.name)
                #expect(trigger["name"] == "cell/work", cell.name)
            } else {
                #expect(trigger["name"] == "inngest/function.invoked", cell.name)
                #expect(
                    data["correlation_id"] == .string("\(cell.parent?.uuidString.lowercased() ?? "").work"), cell.name)
            }
        }
    }

    private static func checkHandler(_ cell: CancelCell, _ facts: RunFacts, _ functions: CellFunctions) throws {
        let told = functions.cancellations(of: cell.run)
        #expect(told.count == 1, cell.name)
        let cancellation = try #require(told.first, cell.name)
        #expect(cancellation.functionID == "cells-work", cell.name)
        #expect(cancellation.event.data.key == cell.key, cell.name)
        #expect(cancellation.steps.map(\.id) == facts.steps, cell.name)
        let text = try JSONCoding.text(facts["cause"])
        #expect(cancellation.cause == (try JSONCoding.value(Outcome.Cancellation.self, from: text)), cell.name)
        #expect(cancellation.cause.askedAt != nil && cancellation.cause.appliedAt != nil, cell.name)
    }

    // MARK: - All cells of a state

    /// Brings a run into the state for each way of cancelling, and lends them to `body`; what it returns is called where a
    /// worker has all functions, and afterwards nothing may be wrong.
    private static func withCells(
        of state: CancelCell.State,
        _ body:
            @escaping @Sendable (_ cells: [CancelCell], CellFunctions, Client, Probe) async throws
            -> @Sendable () async throws -> Void
    ) async throws {
        let functions = CellFunctions(state)
        @Sendable func begun(_ client: Client, _ probe: Probe) async throws -> [CancelCell] {
            try await withThrowingTaskGroup(of: CancelCell.self) { group in
                for way in CancelCell.ways(in: state) {
                    group.addTask { try await CancelCell.begin(state, way, functions, client, probe) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        @Sendable func quick(_ configuration: inout WorkerConfiguration) {
            configuration.pollInterval = .milliseconds(50)
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            if state == .queued {
                // Known, and without a worker until all is over.
                try await RunningWorker.with(functions.cells, in: database, app: "cells", configure: quick) { _ in }
            }
            try await RunningWorker.with(functions.watch, in: database, app: "watch", configure: quick) { client in
                if state == .queued {
                    let check = try await body(try await begun(client, probe), functions, client, probe)
                    try await RunningWorker.with(functions.cells, in: database, app: "cells", configure: quick) { _ in
                        try await check()
                    }
                } else {
                    try await RunningWorker.with(functions.cells, in: database, app: "cells", configure: quick) { _ in
                        try await body(try await begun(client, probe), functions, client, probe)()
                    }
                }
            }
            let violations = try await probe.violations()
            #expect(violations == [])
            await probe.connection.close()
        }
    }
}
