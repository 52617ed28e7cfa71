import Foundation
import Nightjar

/// Runs in a list.
enum RunTable {
    static func make(_ runs: [RunRecord], now: Date) -> Table {
        let time = TimeText()
        var table = Table(
            "RUN", .init("FUNCTION", limit: 50), "STATUS", "CREATED", .init("TOOK", .right), .init("NOTE", limit: 60))
        for run in runs {
            let took = run.startedAt.map { TimeText.duration((run.endedAt ?? now).timeIntervalSince($0)) }
            table.rows.append([
                .init(run.id.text), .init("\(run.app)/\(run.function)"), .init(run.status.rawValue, run.status.color),
                .init(time.moment(run.createdAt)), .init(took ?? ""), .init(run.note(time, now: now), .dim),
            ])
        }
        return table
    }
}
