import ArgumentParser
import Foundation
import Nightjar

/// `nightjar cancellations`
struct Cancellations: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "List requests to cancel many runs, or watch one.",
        discussion: """
            A request is what 'nightjar cancel' with a filter makes. It is running until it has gone through all \
            unfinished runs; then it is done. Somebody may interrupt it before, and resume it.

            EXAMPLES
              nightjar cancellations
              nightjar cancellations 0198c2f5-0a7b-7c11-8d7e-5b1f2a3c4d5e --watch
              nightjar cancellations --json | jq 'select(.state == "interrupted")'
            """)

    @Argument(help: "One request's id.", transform: RunID.parse)
    var id: UUID?

    @Flag(help: "Watch it until it is done or interrupted.")
    var watch = false

    @Option(help: "How many at most.")
    var limit = 20

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit must be at least 1") }
        if watch, id == nil { throw ValidationError("--watch is for one request: give its id") }
    }

    func execute() async throws -> ExitStatus {
        try await options.withReports("cancellations") { reports in
            guard let id else { return try list(try await reports.client.bulkCancels(limit: limit)) }
            guard var request = try await reports.client.bulkCancel(id) else {
                throw CommandError(.notAsWanted, "there is no request \(id.text)")
            }
            let line = ProgressLine()
            while watch, request.state == .running {
                line.show(request.progress)
                try await Task.sleep(for: .milliseconds(300))
                request = try await reports.client.bulkCancel(id) ?? request
            }
            line.clear()
            if output.json { try Output.json(request.json) } else { Output.lines(Self.text(request)) }
            return watch && request.state == .interrupted ? .notAsWanted : .success
        }
    }

    private func list(_ requests: [BulkCancel]) throws -> ExitStatus {
        guard !requests.isEmpty else {
            if !output.json { Output.line("No requests to cancel many runs.") }
            return .notAsWanted
        }
        if output.json {
            for request in requests { try Output.json(request.json) }
            return .success
        }
        let time = TimeText()
        var table = Table(
            "REQUEST", "STATE", "ASKED", .init("BY", limit: 30), .init("LOOKED AT", .right), .init("CANCELLED", .right),
            .init("RUNS", limit: 80))
        for request in requests {
            table.rows.append([
                .init(request.id.text), .init(request.state.rawValue, request.state.color),
                .init(time.moment(request.askedAt)),
                .init(request.actor), .init("\(request.examined)"), .init("\(request.cancelled + request.requested)"),
                .init(request.meaning(time), .dim),
            ])
        }
        Output.lines(table.lines(style: Output.style))
        return .success
    }

    private static func text(_ request: BulkCancel) -> [String] {
        let time = TimeText()
        let reason = request.reason.map { ": \($0)" } ?? ""
        var lines = [
            "Request \(request.id.text)",
            Field.line("runs", request.meaning(time), Output.style),
            Field.line("asked", "\(time.exactMoment(request.askedAt)) by \(request.actor)\(reason)", Output.style),
        ]
        if let ended = request.endedAt { lines.append(Field.line("done", time.exactMoment(ended), Output.style)) }
        return lines + [request.standing]
    }
}
