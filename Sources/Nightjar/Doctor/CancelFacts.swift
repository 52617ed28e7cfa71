internal import PostgresClient

/// What of cancelling hangs, or is slow or wide.
struct CancelFacts: Sendable {
    /// A policy whose author was warned.
    struct Policy: Sendable {
        var app: String
        var function: String
        var event: String
        var match: String?
        var warning: String
    }

    /// A cancelled run whose code still executes.
    struct Execution: Sendable {
        var run: String
        var worker: String
        var steps: [String]
        var seconds: Double
    }

    /// A request to cancel many runs that does not get on.
    struct Request: Sendable {
        var id: String
        var isInterrupted: Bool
        var examined: Int64
        var cancelled: Int64
        var idleFor: Double
    }

    var policies: [Policy] = []
    /// How many runs have outlived their limit, and the first of them by how many seconds.
    var expired: Int64 = 0
    var expiredFor: Double?
    /// How many cancelled runs execute for too long, and the one that does longest.
    var executing: Int64 = 0
    var longest: Execution?
    var requests: [Request] = []

    /// Seconds after which each is told of.
    private static let (expiry, execution, idleness, interruption) = (10.0, 60.0, 60.0, 7 * 86_400.0)

    static func read(_ db: PostgresConnection) throws -> CancelFacts {
        let row = try db.query(Statement.doctorCancels.sql, [expiry, execution])[0]
        return CancelFacts(
            policies: try db.query(Statement.doctorPolicies.sql).map {
                Policy(
                    app: try $0.decode("app"), function: try $0.decode("function"), event: try $0.decode("event"),
                    match: try $0.decode("text"), warning: try $0.decode("warning"))
            },
            expired: try row.decode("expired"), expiredFor: try row.decode("expired_for"),
            executing: try row.decode("executing", as: Int64?.self) ?? 0,
            longest: try row.decode("executing_run", as: String?.self).map {
                Execution(
                    run: $0, worker: try row.decode("executing_worker"),
                    steps: try row.decode("executing_steps", as: [String]?.self) ?? [],
                    seconds: try row.decode("executing_for"))
            },
            requests: try db.query(Statement.doctorBulkCancels.sql, [idleness, interruption]).map {
                Request(
                    id: try $0.decode("bulk_id"), isInterrupted: try $0.decode("state", as: Int16.self) == 2,
                    examined: try $0.decode("examined"), cancelled: try $0.decode("cancelled"),
                    idleFor: try $0.decode("idle_for"))
            })
    }

    var findings: [Finding] { [matches, timeouts, executions, bulkCancels] }

    private var matches: Finding {
        guard !policies.isEmpty else { return .ok("policies", "no cancellation policy is slow or wide") }
        let list = policies.map { policy in
            let match = policy.match.map { " \($0)" } ?? ""
            return "\(policy.app)/\(policy.function) on \(policy.event)\(match): \(policy.warning)"
        }
        return .warning(
            "policies", list.joined(separator: "; "),
            do: "compare a field of the cancelling event with one of the run's own, as in "
                + "async.data.id == event.data.id: then the runs that it means are looked up")
    }

    private var timeouts: Finding {
        guard expired > 0, let expiredFor else { return .ok("timeouts", "no run has outlived its limit") }
        return .warning(
            "timeouts",
            "\(expired) runs have outlived their limit, the first by \(Int(expiredFor)) s, and are not cancelled",
            do:
                "start a worker, of any app: it cancels them; or look for a long transaction that locks rows of nightjar.live"
        )
    }

    private var executions: Finding {
        guard executing > 0, let longest else { return .ok("executing", "the code of every cancelled run has ended") }
        let steps = longest.steps.isEmpty ? "" : " (\(longest.steps.joined(separator: ", ")))"
        return .warning(
            "executing",
            "\(executing) cancelled runs still execute; run \(longest.run)\(steps) in '\(longest.worker)' for "
                + "\(Int(longest.seconds)) s. Nothing of it is recorded",
            do: "let the step's code react to its task's cancellation, or restart that worker")
    }

    private var bulkCancels: Finding {
        guard let first = requests.first else { return .ok("bulk-cancels", "no request to cancel many runs waits") }
        let more = requests.count > 1 ? "; and \(requests.count - 1) more" : ""
        let standing = "after \(first.examined) runs, of which it cancelled \(first.cancelled)"
        if first.isInterrupted {
            return .warning(
                "bulk-cancels", "request \(first.id) is interrupted \(standing)\(more)",
                do: "nightjar cancel --resume \(first.id); in a week it is no longer told of")
        }
        return .warning(
            "bulk-cancels",
            "nobody has carried out request \(first.id) for \(Int(first.idleFor)) s, \(standing)\(more)",
            do: "start a worker, or carry it out from here: nightjar cancel --resume \(first.id)")
    }
}
