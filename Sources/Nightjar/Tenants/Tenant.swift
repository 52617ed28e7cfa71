public import Foundation
internal import PostgresClient

/// A tenant: who owns events, apps, functions, keys and runs. Nothing of one is seen by another, or affects it.
public struct Tenant: Sendable, Hashable, Identifiable {
    /// How a tenant stands.
    public enum State: String, Sendable, Codable {
        /// It sends events, and its runs are executed.
        case active
        /// Its events are refused; some of its runs may still be claimed.
        case suspending
        /// Its events are refused, and its runs rest.
        case suspended
        /// Its events are accepted; some of its runs still rest.
        case resuming
        /// Nothing of it is accepted or executed, and what it has is being deleted.
        case deleting
        /// Only its number is left, which is not used again.
        case deleted
    }

    /// Its number, by which rows name it.
    public var id: Int
    /// Its name.
    public var name: String
    /// How it stands.
    public var state: State
    /// Why it is suspended, as whoever did it said.
    public var reason: String?
    /// What it may have and do.
    public var limits: TenantLimits
    /// When it was made.
    public var createdAt: Date
    /// When it was last changed.
    public var changedAt: Date
    /// How many unfinished runs it has.
    public var liveRuns: Int
    /// How many apps it has.
    public var apps: Int
    /// The database roles that act for it and no other.
    public var roles: [String]

    /// Reads a row of `tenants.sql`.
    init(_ row: PostgresRow) throws {
        id = Int(try row.decode("tenant_id", as: Int32.self))
        name = try row.decode("name")
        let isMoving = try row.decode("is_moving", as: Bool.self)
        switch try row.decode("state", as: Int16.self) {
        case 1: state = isMoving ? .resuming : .active
        case 2: state = isMoving ? .suspending : .suspended
        case 3: state = .deleting
        default: state = .deleted
        }
        reason = try row.decode("reason")
        limits = try TenantLimits(row)
        createdAt = try row.decode("created_at")
        changedAt = try row.decode("changed_at")
        liveRuns = Int(try row.decode("live_runs", as: Int64.self))
        apps = Int(try row.decode("apps", as: Int64.self))
        roles = try row.decode("roles")
    }
}
