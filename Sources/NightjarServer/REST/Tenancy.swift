internal import Foundation

/// The UUIDs under which a tenant is known to those who expect accounts and environments.
enum Tenancy {
    static func account(of tenant: Int32) -> UUID { uuid(kind: 0xa, tenant) }

    static func environment(of tenant: Int32) -> UUID { uuid(kind: 0xb, tenant) }

    private static func uuid(kind: UInt8, _ tenant: Int32) -> UUID {
        let n = withUnsafeBytes(of: tenant.bigEndian) { Array($0) }
        return UUID(uuid: (0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, kind, 0, 0, n[0], n[1], n[2], n[3]))
    }
}
