internal import Foundation

/// Which addresses a request of somebody else's making may go to: those that anybody could reach from anywhere.
enum AddressRule {
    /// Says whether an address belongs to the public internet; what is no address does not.
    static func isPublic(_ address: String) -> Bool {
        var v4 = in_addr()
        if inet_pton(AF_INET, address, &v4) == 1 { return isPublic(v4: withUnsafeBytes(of: v4) { Array($0) }) }
        var v6 = in6_addr()
        // A zone says that the address counts on one link alone.
        guard inet_pton(AF_INET6, address, &v6) == 1 else { return false }
        return isPublic(v6: withUnsafeBytes(of: v6) { Array($0) })
    }

    // IANA's registry of special-purpose addresses (RFC 6890).
    private static let special4: [(prefix: [UInt8], bits: Int)] = [
        ([0, 0, 0, 0], 8),  // "this network"
        ([10, 0, 0, 0], 8),  // private
        ([100, 64, 0, 0], 10),  // shared by carriers
        ([127, 0, 0, 0], 8),  // loopback
        ([169, 254, 0, 0], 16),  // link-local, and clouds' metadata
        ([172, 16, 0, 0], 12),  // private
        ([192, 0, 0, 0], 24),  // protocol assignments
        ([192, 0, 2, 0], 24),  // documentation
        ([192, 88, 99, 0], 24),  // 6to4 relays
        ([192, 168, 0, 0], 16),  // private
        ([198, 18, 0, 0], 15),  // benchmarks
        ([198, 51, 100, 0], 24),  // documentation
        ([203, 0, 113, 0], 24),  // documentation
        ([224, 0, 0, 0], 4),  // multicast
        ([240, 0, 0, 0], 4),  // reserved, and broadcast
    ]

    private static let special6: [(prefix: [UInt8], bits: Int)] = [
        ([0x01, 0x00, 0, 0, 0, 0, 0, 0], 64),  // discard
        ([0x20, 0x01, 0x00], 23),  // protocol assignments, Teredo
        ([0x20, 0x01, 0x0D, 0xB8], 32),  // documentation
        ([0x3F, 0xFF, 0x00], 20),  // documentation
        ([0x5F, 0x00], 16),  // segment routing
        ([0xFC], 7),  // unique local
        ([0xFE, 0x80], 10),  // link-local
        ([0xFE, 0xC0], 10),  // site-local, which once were
        ([0xFF], 8),  // multicast
    ]

    private static func isPublic(v4 address: [UInt8]) -> Bool {
        !special4.contains { matches(address, $0.prefix, $0.bits) }
    }

    private static func isPublic(v6 address: [UInt8]) -> Bool {
        // Addresses that hold one of the old kind: mapped, compatible (:: and ::1 among them), translated (NAT64, for
        // everybody or for a network), 6to4.
        let zeros = [UInt8](repeating: 0, count: 10)
        if address.starts(with: zeros) {
            let mark = Array(address[10..<12])
            guard mark == [0xFF, 0xFF] else { return false }
            return isPublic(v4: Array(address[12...]))
        }
        if address.starts(with: [0x00, 0x64, 0xFF, 0x9B]) {
            guard address[4..<12].allSatisfy({ $0 == 0 }) else { return false }
            return isPublic(v4: Array(address[12...]))
        }
        if address.starts(with: [0x20, 0x02]) { return isPublic(v4: Array(address[2..<6])) }
        // Translation without a state (RFC 2765).
        if address.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0]) { return false }
        // What is not given out as global unicast is not public.
        guard address[0] & 0xE0 == 0x20 else { return false }
        return !special6.contains { matches(address, $0.prefix, $0.bits) }
    }

    private static func matches(_ address: [UInt8], _ prefix: [UInt8], _ bits: Int) -> Bool {
        for bit in 0..<bits {
            let mask = UInt8(0x80) >> UInt8(bit % 8)
            let expected = bit / 8 < prefix.count ? prefix[bit / 8] & mask : 0
            if address[bit / 8] & mask != expected { return false }
        }
        return true
    }
}
