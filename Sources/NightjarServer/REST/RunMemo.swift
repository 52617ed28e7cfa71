internal import Foundation
internal import Nightjar
internal import NightjarCore

/// What a run has recorded, as calls of its app have it in `steps`.
enum RunMemo {
    static func read(_ db: PostgresConnection, of run: UUID) throws -> ReplyValue {
        let now = Date()
        var memo: ReplyValue = [:]
        for entry in try StepEntry.read(db, of: [run]) where entry.part == .step {
            guard let kind = entry.kind else { continue }
            let step = RecordedStep(
                step: entry.key, name: entry.name, kind: kind, status: entry.failed ? .failed : .completed,
                output: entry.output, error: try entry.error.map { try JSONCoding.value(RunError.self, from: $0) },
                dueAt: entry.dueAt, startedAt: entry.startedAt, endedAt: entry.endedAt ?? now)
            memo.add(entry.key, MemoCoding.text(step, now: now).map { .json($0) })
        }
        return memo
    }
}
