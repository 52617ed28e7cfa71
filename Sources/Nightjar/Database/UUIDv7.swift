package import Foundation
internal import Synchronization

/// UUIDs ordered by time (RFC 9562, version 7): 48 bits of milliseconds, a 12-bit counter within one, 62 random bits.
package enum UUIDv7 {
    private static let last = Mutex((milliseconds: UInt64(0), counter: UInt64(0)))

    /// A new id, greater than any that this process made before.
    package static func make(at date: Date = Date()) -> UUID {
        let asked = UInt64(max(0, date.timeIntervalSince1970 * 1_000))
        let (milliseconds, counter) = last.withLock { last in
            if asked > last.milliseconds {
                last = (asked, UInt64.random(in: 0..<0x400))
            } else if last.counter < 0xFFF {
                last.counter += 1
            } else {
                // The counter is spent: borrow from the next millisecond (RFC 9562, section 6.2).
                last = (last.milliseconds + 1, 0)
            }
            return last
        }
        return make(
            high: milliseconds << 16 | 0x7000 | counter, low: UInt64.random(in: 0...(.max)) >> 2 | 0x8000_0000_0000_0000
        )
    }

    /// When such an id was made.
    package static func date(of id: UUID) -> Date {
        let bytes = withUnsafeBytes(of: id.uuid) { UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)) }
        return Date(timeIntervalSince1970: Double(bytes >> 16) / 1_000)
    }

    private static func make(high: UInt64, low: UInt64) -> UUID {
        let bytes = withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { bytes in
            bytes.loadUnaligned(as: uuid_t.self)
        }
        return UUID(uuid: bytes)
    }
}
