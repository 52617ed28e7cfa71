internal import Foundation

/// What the ids of a request's events are made of, so that the same request, sent again, gets the same ids: the header
/// `x-inngest-event-id-seed: <milliseconds>,<ten bytes in base64>`.
struct EventSeed: Sendable, Hashable {
    var milliseconds: UInt64
    var entropy: [UInt8]

    /// Reads the header's value; nil when it is none.
    init?(_ text: String) {
        let parts = text.split(separator: ",", maxSplits: 1)
        guard parts.count == 2, let milliseconds = UInt64(parts[0].trimmingCharacters(in: .whitespaces)),
            milliseconds < 1 << 48,
            let entropy = Data(base64Encoded: parts[1].trimmingCharacters(in: .whitespaces)), entropy.count == 10
        else { return nil }
        self.milliseconds = milliseconds
        self.entropy = Array(entropy)
    }

    /// The same for one tenant: what another sends under the same seed has other ids. Those of the default tenant stay as they are.
    func of(tenant: Int32) -> EventSeed {
        guard tenant != 1 else { return self }
        var seed = self
        seed.entropy = Array(Digest.sha256(entropy + Array("\(tenant)".utf8)).prefix(entropy.count))
        return seed
    }

    /// The id of an event of the request, the first of which has the number 1: the number is added to the last four bytes.
    /// It is a UUID of version 7, like all ids of ours, which is how those are told from ids that senders gave.
    func id(_ number: Int) -> UUID {
        let tail = entropy.suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) } &+ UInt32(truncatingIfNeeded: number)
        let time = (0..<6).map { UInt8(truncatingIfNeeded: milliseconds >> (8 * (5 - UInt64($0)))) }
        let end = (0..<4).map { UInt8(truncatingIfNeeded: tail >> (8 * (3 - UInt32($0)))) }
        var middle = Array(entropy.prefix(6))
        middle[0] = middle[0] & 0x0F | 0x70
        middle[2] = middle[2] & 0x3F | 0x80
        return (time + middle + end).withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) }
    }

    /// Whether events can be stored under such ids: the log of events has parts for these weeks. See
    /// `nightjar.make_partitions`.
    func isStorable(at now: Date) -> Bool {
        let week = 7 * 86_400.0
        let date = Date(timeIntervalSince1970: Double(milliseconds) / 1_000)
        return (now - (week - 86_400)...now + 4 * week).contains(date)
    }
}
