import ArgumentParser
import Foundation
import Nightjar

/// Which unfinished runs are meant.
struct RunFilterOptions: ParsableArguments {
    @Option(help: "Runs of the function with this id.")
    var function: String?

    @Option(help: "Runs of this app.")
    var app: String?

    @Option(help: "Runs with this status; repeat it for several.")
    var status: [UnfinishedStatus] = []

    @Option(
        help: ArgumentHelp(
            "Runs created then or later: RFC 3339, or how long ago, as 90s, 5m, 2h or 7d.", valueName: "time"))
    var after: Moment?

    @Option(help: ArgumentHelp("Runs created before then.", valueName: "time"))
    var before: Moment?

    @Option(
        name: .customLong("if"),
        help: ArgumentHelp(
            "Runs whose event fulfils this condition, in the language of cancellation policies.",
            valueName: "expression"))
    var expression: String?

    @Flag(help: "Every unfinished run.")
    var all = false

    /// Whether anything was said.
    var isEmpty: Bool {
        function == nil && app == nil && status.isEmpty && after == nil && before == nil && expression == nil && !all
    }

    var filter: RunFilter {
        let now = Date()
        var filter = all ? RunFilter.all : RunFilter()
        filter.function = function
        filter.app = app
        filter.statuses = Set(status.map(\.status))
        filter.createdAfter = after?.before(now)
        filter.createdBefore = before?.before(now)
        filter.expression = expression
        return filter
    }
}
