/// Whether claims deal what is due out among the tenants of a shared app. Pure. See `claim.sql`.
///
/// As a rule the longest overdue runs come first, whosever they are, and new ones after them. That is fair as long as no more is
/// due than is claimed. When it is more, one tenant's sleepers that all wake at nine o'clock would keep everybody else waiting.
package struct Dealing: Sendable {
    package private(set) var isOn = false

    package init() {}

    /// - Parameters:
    ///   - old: how many of the runs were due or had come back.
    ///   - count: how many came back of the `limit` that was asked for.
    package mutating func claimed(old: Int, count: Int, limit: Int) {
        // New ones get half of what is dealt.
        isOn = count >= limit && old * (isOn ? 4 : 2) >= limit
    }
}
