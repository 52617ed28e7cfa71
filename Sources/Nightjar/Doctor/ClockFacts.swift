internal import Foundation
internal import PostgresClient

/// How far the server's clock is from ours.
struct ClockFacts: Sendable {
    /// Seconds by which the server is ahead.
    var ahead: Double
    /// Half of the round trip: how wrong that may be.
    var uncertainty: Double

    /// The best of a few: the shortest round trip is the most exact.
    static func read(_ session: PostgresSession) async throws -> ClockFacts {
        try await session.run { db in
            try (0..<3).map { _ in
                let before = Date()
                let there = try db.query("SELECT clock_timestamp()")[0].decode(0, as: Date.self)
                let half = Date().timeIntervalSince(before) / 2
                return ClockFacts(ahead: there.timeIntervalSince(before) - half, uncertainty: half)
            }
        }.min { $0.uncertainty < $1.uncertainty } ?? ClockFacts(ahead: 0, uncertainty: 0)
    }

    var finding: Finding {
        let difference = max(0, abs(ahead) - uncertainty)
        let milliseconds = Int((abs(ahead) * 1_000).rounded())
        let text = "the server's clock is \(milliseconds) ms \(ahead < 0 ? "behind" : "ahead of") this machine's"
        let remedy = "let NTP (chrony, systemd-timesyncd) keep both clocks"
        if difference > 300 {
            return .problem("clock", "\(text): ids made here may fall outside of the partitions there", do: remedy)
        }
        if difference > 2 {
            return .warning("clock", "\(text): times that you give mean something else there", do: remedy)
        }
        return .ok("clock", text)
    }
}
