package import Foundation
package import PostgresClient

/// Whether claims deal what is due out among the tenants of a shared app. Pure. See `deal.sql`.
///
/// As a rule the longest overdue runs come first, whosever they are, and new ones after them. That is fair as long as no more is
/// due than is claimed. When it is more, one tenant's sleepers that all wake at nine o'clock would keep everybody else waiting.
package struct Dealing: Sendable {
    /// Fewer runs than this say nothing of what there is: with room for one, every other one is new.
    private static let enough = 8

    package private(set) var isOn = false
    /// The tenant where the last deal stopped.
    package private(set) var tenant: Int32 = 0
    /// Of the claims that were dealt since the last decision.
    private var old = 0
    private var count = 0

    package init() {}

    /// - Parameters:
    ///   - old: how many of the runs were due or had come back.
    ///   - count: how many came back of the `limit` that was asked for.
    ///   - tenant: where the deal stopped.
    package mutating func claimed(old: Int, count: Int, limit: Int, tenant: Int32? = nil) {
        if let tenant { self.tenant = tenant }
        guard isOn, count >= limit else {
            isOn = count >= limit && old * 2 >= limit
            (self.old, self.count) = (0, 0)
            return
        }
        self.old += old
        self.count += count
        guard self.count >= Self.enough else { return }
        // New ones get half of what is dealt.
        isOn = self.old * 4 >= self.count
        (self.old, self.count) = (0, 0)
    }
}

/// What a claim is to bring, as it was dealt: locked by its transaction.
package struct Deal: Sendable {
    package var runs: [UUID] = []
    /// How many new runs there is to be room for.
    package var new = 0
    /// The tenant where it stopped.
    package var tenant: Int32?

    /// None: the longest overdue come first.
    package static let none = Deal()

    /// Deals. See `deal.sql`, which has the parameters.
    package static func make(
        _ db: PostgresConnection, queue: Int32, functions: [Int32], session: UUID, limit: Int, low: Int64,
        overdue: Duration?, after tenant: Int32
    ) throws -> Deal {
        let row = try db.query(
            Statement.deal.sql, [queue, session, Int32(limit), low, functions, overdue, tenant])[0]
        return Deal(
            runs: try row.decode(0), new: Int(try row.decode(1, as: Int32.self)), tenant: try row.decode(2))
    }
}
