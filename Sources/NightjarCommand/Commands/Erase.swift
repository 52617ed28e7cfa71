import ArgumentParser
import Foundation
import Nightjar

/// `nightjar erase`
struct Erase: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "Erase an event, a person's events, or what is older, with the runs they started.",
        discussion: """
            Name one: --event and its id; --where and a path with a value, as data.email=ada@example.org; or --before and a time. \
            With the events go the runs that they started, their steps, attempts and outcomes, the match keys, and the system events that \
            tell of those runs. Steps of other runs that such an event had answered are blanked. What such runs have sent as events of \
            their own goes if it has the value too; you are told how many stay. Events sent after the request stay. One tenant at a time.

            Look first: --dry-run counts and changes nothing. On a terminal you are asked, unless --yes. Unfinished runs are a reason \
            to refuse, unless --cancel, which cancels them first. It goes through all events, runs and steps of the database in chunks; \
            if you interrupt it, workers carry it out. Runs whose event is no longer kept cannot be recognized by a value, nor what is told of \
            runs that are no longer kept: you are told how many there are. Backups, the write-ahead log and replicas that lag keep what \
            they have for as long as you keep them: docs/retention.md. --yes does without looking first. Exit status 2: nothing is meant, \
            you said no, unfinished runs are in the way, it is not complete yet, or something could not be recognized.

            EXAMPLES
              nightjar erase --where data.customer.email=ada@example.org --dry-run
              nightjar erase --where user.id=17 --cancel --reason 'request 4711'
              nightjar erase --event 0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58 --yes
              nightjar erase --before 365d --tenant acme --yes
            """)

    @Option(help: "One event, by the id under which it is stored.", transform: RunID.parse)
    var event: UUID?

    @Option(
        name: .customLong("where"),
        help: ArgumentHelp("Events with this value; what is no JSON is a string.", valueName: "path=value"))
    var condition: String?

    @Option(
        help: ArgumentHelp(
            "What is older: \(Moment.help.replacingOccurrences(of: "from", with: "before")).", valueName: "time"))
    var before: Moment?

    @Option(help: "The tenant, by its name; 'default' if you have no others.")
    var tenant: String?

    @Flag(help: "Cancel unfinished runs first.")
    var cancel = false

    @Flag(help: "Only count what would be erased.")
    var dryRun = false

    @Flag(help: "Do not ask.")
    var yes = false

    @Option(help: "Why, for the record.")
    var reason: String?

    @Option(
        help: ArgumentHelp(
            "How long to wait for what is in the way; workers go on with it after that.", valueName: "seconds"))
    var patience = 30

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard [event != nil, condition != nil, before != nil].filter(\.self).count == 1 else {
            throw ValidationError("Say what: one of --event, --where and --before.")
        }
        _ = try target()
    }

    func execute() async throws -> ExitStatus {
        let target = try target()
        // It reads as much as the erasure does.
        if dryRun || !yes {
            let preview = try await refused { [tenant] in
                try await options.withSession("erase", tenant: tenant, isLong: true) { db in
                    try Erasure.preview(db, of: target)
                }
            }
            if dryRun || preview.isEmpty { return try show(preview) }
            if Terminal.isInteractive {
                for line in preview.lines { Output.note(line) }
                guard Terminal.confirm("Erase them for good?") else {
                    Output.error("nothing was erased")
                    return .notAsWanted
                }
            }
        }
        let standing = try await refused { [tenant, cancel, reason] in
            let id = try await options.withSession("erase", tenant: tenant, isLong: true) { db in
                try Erasure.request(
                    db, target, cancels: cancel, actor: "\(NSUserName())@\(ProcessInfo.processInfo.hostName)",
                    reason: reason)
            }
            return try await carryOut(id)
        }
        if output.json { try Output.json(standing.json) } else { Output.lines(standing.lines) }
        let isComplete = standing.isDone && standing.unreached + standing.untold == 0
        return isComplete && !standing.isEmpty ? .success : .notAsWanted
    }

    private func carryOut(_ id: UUID) async throws -> Erasure.Standing {
        let progress = ProgressLine()
        defer { progress.clear() }
        var last: Erasure.Standing?
        var moved = ContinuousClock.now
        while true {
            let (waits, standing) = try await options.withSession("erase", tenant: tenant, isLong: true) { db in
                (try Erasure.advance(db, id), try Erasure.standing(db, id))
            }
            guard let standing else { throw CommandError(.failure, "the request \(id.text) is gone") }
            if standing.isDone { return standing }
            if standing != last { moved = .now }
            last = standing
            progress.show(
                standing.waitsFor.map { "waiting for \($0)" }
                    ?? "\(standing.examined) looked at, \(standing.events) events and \(standing.runs) runs erased")
            // A worker is at it, or has first to end what was cancelled.
            if waits ?? true {
                guard ContinuousClock.now - moved < .seconds(patience) else { return standing }
                try await options.withSession("erase", tenant: tenant) { db in try Erasure.applyPending(db) }
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    private func refused<T>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let error as PostgresError where error.sqlState == SQLState(rawValue: "55000") {
            throw CommandError(.notAsWanted, "\(error.message); --cancel cancels them first")
        } catch let error as PostgresError where error.sqlState == SQLState(rawValue: "P0002") {
            throw CommandError(.notAsWanted, error.message)
        }
    }

    private func show(_ preview: Erasure.Preview) throws -> ExitStatus {
        if output.json {
            try Output.json(preview.json)
        } else {
            Output.lines(preview.lines)
            if dryRun { Output.line("Nothing was erased: this was a dry run.") }
        }
        return preview.isEmpty ? .notAsWanted : .success
    }

    private func target() throws -> Erasure.Target {
        if let event { return .event(event) }
        if let before { return .before(before.before(Date())) }
        guard let condition, let equals = condition.firstIndex(of: "=") else {
            throw ValidationError("--where takes a path and a value, as data.email=ada@example.org")
        }
        let text = String(condition[condition.index(after: equals)...])
        let isJSON = (try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)) != nil
        return .value(path: String(condition[..<equals]), json: isJSON ? text : JSON.string(text).line)
    }
}
