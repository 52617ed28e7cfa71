public import Foundation
internal import PostgresClient

/// A signing key of a tenant, without the key itself.
public struct TenantSigningKey: Sendable, Hashable, Identifiable {
    /// Its number.
    public var id: Int
    /// Whether what is sent to the tenant's apps is signed with it; else it is only accepted.
    public var signs: Bool
    /// What people who have the key can compare: the beginning of the SHA-256 of its SHA-256, in hexadecimal.
    public var fingerprint: String
    /// When it was made.
    public var createdAt: Date
    /// Until when it is accepted; nil: until it is revoked.
    public var goodUntil: Date?

    init(_ row: PostgresRow) throws {
        id = Int(try row.decode("key_id", as: Int32.self))
        signs = try row.decode("signs")
        fingerprint = try row.decode("fingerprint")
        createdAt = try row.decode("created_at")
        goodUntil = try row.decode("good_until")
    }
}
