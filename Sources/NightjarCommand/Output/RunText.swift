import Foundation
import Nightjar

extension RunRecord.Status {
    var color: Style.Color? {
        switch self {
        case .queued, .scheduled, .sleeping, .waiting, .invoking: nil
        case .running: .cyan
        case .retrying, .cancelled: .yellow
        case .completed: .green
        case .failed: .red
        }
    }
}

extension RunRecord {
    /// What a list says beside the status.
    func note(_ time: TimeText, now: Date) -> String {
        switch status {
        case .queued, .running, .completed: ""
        case .sleeping, .retrying, .scheduled, .waiting, .invoking:
            dueAt.map { "until \(time.clock($0, on: now))" } ?? ""
        case .failed: error?.description ?? ""
        case .cancelled: cause?.description ?? ""
        }
    }
}
