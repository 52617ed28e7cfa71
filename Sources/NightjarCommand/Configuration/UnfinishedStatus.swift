import ArgumentParser
import Nightjar

/// The status of a run that can still be cancelled, on the command line.
struct UnfinishedStatus: ExpressibleByArgument {
    let status: RunRecord.Status

    init?(argument: String) {
        guard let status = RunRecord.Status(rawValue: argument), status.isUnfinished else { return nil }
        self.status = status
    }

    /// What `--help` and completion offer.
    static var allValueStrings: [String] { RunRecord.Status.allCases.filter(\.isUnfinished).map(\.rawValue) }
}
