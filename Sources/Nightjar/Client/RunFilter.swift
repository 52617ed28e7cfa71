public import Foundation
internal import NightjarCore
package import PostgresClient

/// Which unfinished runs are meant: those that fulfil every condition that is set.
///
/// ```swift
/// RunFilter(function: "publish-post", statuses: [.sleeping], expression: "event.data.tenant == 't7'")
/// ```
public struct RunFilter: Sendable, Hashable {
    /// The function's id within its app.
    public var function: String?
    /// The app.
    public var app: String?
    /// What the runs are doing; any when empty. Only statuses of runs that have not ended.
    public var statuses: Set<RunRecord.Status>
    /// Only runs created then or later, to the millisecond.
    public var createdAfter: Date?
    /// Only runs created before then.
    public var createdBefore: Date?
    /// A condition on the event that started the run, in the subset of CEL that cancellation policies know, such as
    /// `event.data.tenant == 't7' && event.data.size > 3`. A missing field matches nothing, whatever the operator.
    public var expression: String?

    private var meansAll = false

    /// Every unfinished run. A filter without any condition is refused instead, lest one that was forgotten cancels all.
    public static var all: RunFilter {
        var filter = RunFilter()
        filter.meansAll = true
        return filter
    }

    /// Creates a filter; at least one condition has to be set.
    public init(
        function: String? = nil, app: String? = nil, statuses: Set<RunRecord.Status> = [], createdAfter: Date? = nil,
        createdBefore: Date? = nil, expression: String? = nil
    ) {
        self.function = function
        self.app = app
        self.statuses = statuses
        self.createdAfter = createdAfter
        self.createdBefore = createdBefore
        self.expression = expression
    }

    /// Whether no condition is set.
    package var isEmpty: Bool {
        function == nil && app == nil && statuses.isEmpty && createdAfter == nil && createdBefore == nil
            && expression == nil
    }

    /// The filter as the first parameters of `bulk_cancel.sql` and `bulk_preview.sql`.
    /// - Throws: ``NightjarError`` with `invalidFilter` when it can mean no run, or means all without saying so.
    func parameters() throws -> [any PostgresEncodable] {
        guard !isEmpty || meansAll else {
            throw NightjarError(.invalidFilter, "the filter has no condition; say RunFilter.all if all runs are meant")
        }
        let ended = statuses.filter { !$0.isUnfinished }.map(\.rawValue).sorted()
        guard ended.isEmpty else {
            throw NightjarError(
                .invalidFilter,
                "runs that are \(ended.joined(separator: " or ")) have ended, and are not cancelled any more")
        }
        let words: [String]? = statuses.isEmpty ? nil : statuses.map(\.rawValue).sorted()
        return [
            function, app, words, createdAfter.map { $0.clamped(to: Self.times) },
            createdBefore.map { $0.clamped(to: Self.times) },
        ]
    }

    /// What the time in a run's id can be: `distantPast` is none that PostgreSQL's clients know.
    private static let times = Date(timeIntervalSince1970: 0)...Date(timeIntervalSince1970: 253_370_764_800)

    /// The expression as the database evaluates it.
    /// - Throws: ``NightjarError`` with `invalidFilter` that says what is wrong, and where.
    package func condition() throws -> PostgresJSON? {
        guard let expression else { return nil }
        do {
            return try PostgresJSON(
                encoding: EventExpression(expression, scope: .filter).stored, using: JSONCoding.encoder())
        } catch let error as EventExpression.SyntaxError {
            throw NightjarError(.invalidFilter, "\(error)")
        }
    }
}

extension Date {
    fileprivate func clamped(to range: ClosedRange<Date>) -> Date {
        min(max(self, range.lowerBound), range.upperBound)
    }
}
