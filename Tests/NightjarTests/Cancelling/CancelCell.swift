import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// One cell of the matrix: a run in a state, and a way of cancelling it.
struct CancelCell: Sendable {
    /// What the run is doing.
    enum State: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case queued, scheduled, sleeping, waiting, invoking, retrying, executing
        /// Leased, with no body in flight.
        case between
        case ended

        /// What `nightjar.run_status` calls it.
        var status: String {
            switch self {
            case .executing, .between: "running"
            case .ended: "completed"
            default: rawValue
            }
        }
        var isLeased: Bool { status == "running" }
        var hasBegun: Bool { self != .queued && self != .scheduled }
        var testDescription: String { rawValue }
    }

    /// What cancels it.
    enum Way: String, CaseIterable, Sendable {
        case match, condition, timeout, client, sql, bulk, parent
    }

    let state: State
    let way: Way
    /// The value by which events mean this run and no other.
    var key: String { "\(state.rawValue)-\(way.rawValue)" }
    /// The run, and the one that invoked it.
    var run: UUID
    var parent: UUID?
    /// The id of the event that started it; of an invoked one nil.
    var event: String?

    /// The steps that wait for something from outside.
    var openSteps: [JSON] { state == .waiting ? ["signal"] : state == .invoking ? ["call"] : [] }

    var name: Comment { "\(state.rawValue) × \(way.rawValue)" }

    static func ways(in state: State) -> [Way] {
        // An invocation has no time of its own.
        Way.allCases.filter { state != .scheduled || $0 != .parent }
    }
}

extension CancelCell {
    /// Starts a run and waits until it is in its state.
    static func begin(
        _ state: State, _ way: Way, _ functions: CellFunctions, _ client: Client, _ probe: Probe
    ) async throws -> CancelCell {
        var cell = CancelCell(state: state, way: way, run: UUID())
        let work = CellWork(key: cell.key, level: 3)
        if way == .parent {
            let event = try await client.send(CellParent(key: cell.key))
            cell.parent = try #require(try await client.runs(startedBy: event).first?.id)
        } else {
            let at: Date? = state == .scheduled ? Date(timeIntervalSinceNow: 3_600) : nil
            cell.event = try await client.send(work, at: at)
        }
        try await eventually("\(cell.name): it begins") { [key = cell.key] in
            try await probe.run(of: "work", key: key) != nil
        }
        cell.run = try #require(try await probe.run(of: "work", key: cell.key))
        let wanted = functions.lines(of: state).map { "\(cell.key) \($0)" }
        _ = try await probe.facts(of: cell.run, when: "\(cell.name): it is \(state.status)") { facts in
            // What a step returned reaches the function before it is recorded.
            facts.status == state.status && wanted.allSatisfy(functions.log.lines.contains)
                && (!state.hasBegun || facts.steps.contains("first"))
        }
        return cell
    }

    /// Cancels it; answers what the cause must be, but for times, what the run was doing, and its session.
    func cancel(_ client: Client, _ probe: Probe) async throws -> [String: JSON] {
        switch way {
        case .match:
            return try await cause(of: try await client.send(CellCancel(key: key)), probe)
        case .condition:
            for miss: JSON in [
                ["key": .string(key), "level": 3], ["key": .string(key)], ["key": "none", "level": 9], ["level": 9],
            ] {
                try await client.send([NewEvent(name: "cell/cancel-if", data: miss)])
            }
            try await eventually("\(name): what misses has been looked at") {
                try await probe.value("SELECT count(*) FROM nightjar.pending", as: Int64.self) == 0
            }
            #expect(try await probe.status(of: run) == state.status, name)
            return try await cause(
                of: try await client.send([
                    NewEvent(name: "cell/cancel-if", data: ["key": .string(key), "level": 4])
                ])[0], probe)
        case .timeout:
            let moved = try await probe.run { [run] db in
                try db.execute("UPDATE nightjar.live SET expires_at = clock_timestamp() WHERE run_id = $1", [run])
            }
            #expect(moved == (state == .ended ? 0 : 1), name)
            return ["kind": "timeout", "timeout": state.hasBegun ? "finish" : "start"]
        case .client:
            let answer = try await client.cancel(run, actor: "ada")
            #expect(answer == (state == .ended ? .ended : state.isLeased ? .requested : .cancelled), name)
            return ["kind": "manual", "actor": "ada"]
        case .sql:
            // Dates in causes have offsets then.
            try await probe.script("SET TimeZone = 'Asia/Kolkata'")
            let answer = try await probe.value("SELECT nightjar.cancel($1, 'eve', 'why not')", [run], as: String.self)
            try await probe.script("RESET TimeZone")
            #expect(answer == (state == .ended ? "ended" : state.isLeased ? "requested" : "cancelled"), name)
            return ["kind": "manual", "actor": "eve", "reason": "why not"]
        case .bulk:
            let id = try await probe.value(
                """
                SELECT nightjar.bulk_cancel(function => 'work', path => format('$.data.key == "%s"', $1::text)::jsonpath,
                                            actor => 'bob', reason => 'spring')
                """, [key], as: UUID.self)
            try await eventually("\(name): the bulk cancel is done") {
                try await probe.value(
                    "SELECT state = 3 FROM nightjar.bulk_cancels WHERE bulk_id = $1", [id], as: Bool.self)
            }
            let hits = try await probe.value(
                "SELECT cancelled + requested FROM nightjar.bulk_cancels WHERE bulk_id = $1", [id], as: Int64.self)
            #expect(hits == (state == .ended ? 0 : 1), name)
            return [
                "kind": "bulk", "bulk_id": .string(id.uuidString.lowercased()), "actor": "bob", "reason": "spring",
            ]
        case .parent:
            let parent = try #require(parent)
            let answer = try await client.cancel(parent, actor: "ada")
            #expect(answer == .cancelled, name)
            return ["kind": "parent", "parent": .string(parent.uuidString.lowercased())]
        }
    }

    private func cause(of event: String, _ probe: Probe) async throws -> [String: JSON] {
        try await probe.run { db in
            let row = try db.query(
                """
                SELECT e.name, e.seq, p.policy_id FROM nightjar.events e JOIN nightjar.cancel_policies p ON p.event = e.name
                WHERE e.event_id = $1
                """, [UUID(uuidString: event)])[0]
            return [
                "kind": "event", "event_id": .string(event.lowercased()),
                "event_name": .string(try row.decode(0)), "event_seq": .integer(try row.decode(1)),
                "policy_id": .integer(Int64(try row.decode(2, as: Int32.self))),
            ]
        }
    }
}
