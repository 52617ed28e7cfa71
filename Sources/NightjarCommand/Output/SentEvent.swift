import Nightjar

/// An event that was sent, and what it started.
struct SentEvent: Sendable {
    var id: String
    var runs: [RunRecord]

    func write(name: String, asJSON: Bool) throws {
        if asJSON {
            try Output.json(["id": .string(id), "runs": .array(runs.map { .string($0.id.text) })])
            return
        }
        Output.line("Sent \(PlainText.line(id))")
        for run in runs { Output.line("  run \(run.id.text) of \(run.app)/\(run.function)") }
        if runs.isEmpty {
            Output.line("  it started no run: no worker has registered a function for \(PlainText.line(name))")
        }
    }
}
