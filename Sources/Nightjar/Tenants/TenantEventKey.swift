public import Foundation
internal import PostgresClient

/// An event key of a tenant, without the key itself, which nobody has but its owner.
public struct TenantEventKey: Sendable, Hashable, Identifiable {
    /// Its number.
    public var id: Int
    /// What it is called: of one tenant, each has another name.
    public var name: String
    /// When it was made.
    public var createdAt: Date
    /// Until when events are taken with it, in the past if it was revoked; nil: until it is revoked.
    public var goodUntil: Date?

    init(_ row: PostgresRow) throws {
        id = Int(try row.decode("key_id", as: Int32.self))
        name = try row.decode("name")
        createdAt = try row.decode("created_at")
        goodUntil = try row.decode("revoked_at")
    }
}
