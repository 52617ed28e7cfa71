import Foundation
import Nightjar

/// `nightjar cancel` with a filter, `--resume` or `--interrupt`.
struct CancelMany: Sendable {
    var client: Client
    var actor: String
    var reason: String?
    var options: CancelManyOptions
    var isJSON: Bool

    func cancel(_ filter: RunFilter) async throws -> ExitStatus {
        let preview = try await client.previewCancel(filter, limit: options.limit)
        if options.dryRun { return try show(preview) }
        if preview.total == 0, !options.includeNew {
            if isJSON { try Output.json(Self.nothing) } else { Output.line("No unfinished run is meant.") }
            return .notAsWanted
        }
        let isAsked = !options.yes && Terminal.isInteractive
        if isAsked || !isJSON { list(preview, to: isJSON ? Output.note : Output.line) }
        if isAsked, !Terminal.confirm("Cancel \(preview.total == 1 ? "it" : "these \(preview.total) runs")?") {
            Output.error("nothing was cancelled")
            return .notAsWanted
        }
        return try await carryOut {
            try await client.cancelAll(filter, actor: actor, reason: reason, includingNew: options.includeNew)
        }
    }

    func resume(_ id: UUID) async throws -> ExitStatus {
        try await carryOut { try await client.resume(bulkCancel: id) }
    }

    func interrupt(_ id: UUID) async throws -> ExitStatus {
        let request = try await client.interrupt(bulkCancel: id)
        if isJSON { try Output.json(request.json) } else { Output.line(request.standing) }
        return request.state == .interrupted ? .success : .notAsWanted
    }

    /// For scripts: as if a request had been made and done.
    private static let nothing: JSON = ["id": nil, "state": "done", "examined": 0, "cancelled": 0, "requested": 0]

    private func show(_ preview: CancelPreview) throws -> ExitStatus {
        if isJSON {
            try Output.json([
                "total": .integer(Int64(preview.total)), "would_cancel": .array(preview.runs.map(\.json)),
            ])
        } else if preview.total == 0 {
            Output.line("No unfinished run is meant.")
        } else {
            list(preview, to: Output.line)
            Output.line("Nothing was cancelled: this was a dry run.")
        }
        return preview.total == 0 ? .notAsWanted : .success
    }

    private func list(_ preview: CancelPreview, to write: (String) -> Void) {
        write("\(preview.total) unfinished \(preview.total == 1 ? "run is" : "runs are") meant:")
        for line in RunTable.make(preview.runs, now: Date()).lines(style: Output.style) { write(line) }
        let more = preview.total - preview.runs.count
        if more > 0 { write("… and \(more) more") }
    }

    private func carryOut(_ ask: () async throws -> BulkCancel) async throws -> ExitStatus {
        // Before there is a request: a signal must not leave it running.
        let signals = TerminationSignals()
        defer { withExtendedLifetime(signals) {} }
        let request = try await ask()
        if options.detach, request.state == .running {
            if isJSON {
                try Output.json(request.json)
            } else {
                Output.line(
                    "Workers carry out request \(request.id.text); see 'nightjar cancellations \(request.id.text)'.")
            }
            return .success
        }
        let progress = ProgressLine()
        let work = Task { [client] in
            try await client.carryOut(bulkCancel: request.id) { progress.show($0.progress) }
        }
        let watch = Task {
            for await _ in signals.first { work.cancel() }
        }
        defer { watch.cancel() }
        let end: BulkCancel
        do { end = try await work.value } catch  where work.isCancelled {
            end = try await client.bulkCancel(request.id) ?? request
        }
        progress.clear()
        if isJSON { try Output.json(end.json) } else { Output.line(end.standing) }
        return end.state == .done ? .success : .notAsWanted
    }
}
