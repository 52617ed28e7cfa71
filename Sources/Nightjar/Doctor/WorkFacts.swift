internal import PostgresClient

/// What waits for workers, and whether there are any.
struct WorkFacts: Sendable {
    /// A session that died with runs in hand.
    struct DeadSession: Sendable {
        var name: String
        var silentFor: Double
        var runs: Int64
    }

    /// An app that has unfinished runs and no worker.
    struct UnservedApp: Sendable {
        var app: String
        var runs: Int64
        /// Of those, how many could begin or go on now.
        var ready: Int64
    }

    var workers: Int64 = 1
    var pending: Int64 = 0
    var pendingFor: Double?
    var ready: Int64 = 0
    var readyFor: Double?
    var unfinished: Int64 = 0
    var deadSessions: [DeadSession] = []
    var unserved: [UnservedApp] = []

    static func read(_ db: PostgresConnection) throws -> WorkFacts {
        let row = try db.query(Statement.doctorBacklog.sql)[0]
        return WorkFacts(
            workers: try row.decode("workers"), pending: try row.decode("pending"),
            pendingFor: try row.decode("pending_for"), ready: try row.decode("ready"),
            readyFor: try row.decode("ready_for"), unfinished: try row.decode("unfinished"),
            deadSessions: try db.query(Statement.doctorDeadSessions.sql).map {
                DeadSession(
                    name: try $0.decode("name"), silentFor: try $0.decode("silent_for"), runs: try $0.decode("runs"))
            },
            unserved: try db.query(Statement.doctorUnserved.sql).map {
                UnservedApp(app: try $0.decode("app"), runs: try $0.decode("runs"), ready: try $0.decode("ready"))
            })
    }

    var findings: [Finding] { [cancels, runs, sessions, apps] }

    /// Pending rows are applied within a moment wherever a worker lives; claims and commits respect them before that.
    private var cancels: Finding {
        guard pending > 0, let pendingFor else { return .ok("pending", "every cancel is applied") }
        let text = "\(pending) cancelling events wait to be applied, the oldest for \(Int(pendingFor)) s"
        let remedy = workers == 0 ? "start a worker" : "look for a long transaction that locks rows of nightjar.live"
        if pendingFor > 300 { return .problem("pending", text, do: remedy) }
        return pendingFor > 30 ? .warning("pending", text, do: remedy) : .ok("pending", text)
    }

    private var runs: Finding {
        let text = "\(unfinished) unfinished, \(ready) could go on now"
        guard ready > 0, let readyFor, readyFor > 60 else { return .ok("runs", text) }
        return .warning(
            "runs", "\(text), the oldest for \(Int(readyFor)) s",
            do: "start more workers or raise their concurrency; is one app's function stuck?")
    }

    private var sessions: Finding {
        guard let worst = deadSessions.max(by: { $0.silentFor < $1.silentFor }) else {
            return .ok("sessions", "\(workers) workers live; no dead one holds runs")
        }
        let held = deadSessions.reduce(0) { $0 + $1.runs }
        let text = "\(held) runs are held by workers that died, '\(worst.name)' \(Int(worst.silentFor)) s ago"
        let remedy = "start a worker, of any app: it hands them back"
        return worst.silentFor > 60
            ? .problem("sessions", text, do: remedy) : .warning("sessions", text, do: remedy)
    }

    private var apps: Finding {
        guard !unserved.isEmpty else { return .ok("apps", "every app with unfinished runs has a worker") }
        let text = unserved.map { "\($0.app) (\($0.runs), \($0.ready) of them ready)" }.joined(separator: ", ")
        return .warning("apps", "runs of apps without a live worker wait: \(text)", do: "start a worker of that app")
    }
}
