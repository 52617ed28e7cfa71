import Foundation
import Nightjar

/// What some senders got done in a given time.
struct BenchLoad: Sendable {
    var events: Int
    var seconds: Double
    /// How long each call took, in milliseconds.
    var calls: Sample
    var cost: BenchCost?

    var eventsPerSecond: Double { Double(events) / seconds }

    /// Has senders call `send` one after the other until the time is over.
    /// - Parameter send: gets the number of its sender and how many calls came before; answers how many events it sent.
    static func run(
        senders: Int, seconds: Double, _ send: @escaping @Sendable (_ sender: Int, _ call: Int) async throws -> Int
    ) async throws -> BenchLoad {
        let start = ContinuousClock.now
        let end = start + .milliseconds(seconds * 1_000)
        return try await withThrowingTaskGroup(of: (events: Int, calls: [Double]).self) { group in
            for sender in 0..<senders {
                group.addTask {
                    var (events, calls) = (0, [Double]())
                    var now = ContinuousClock.now
                    while now < end {
                        events += try await send(sender, calls.count)
                        let then = ContinuousClock.now
                        calls.append((then - now).milliseconds)
                        now = then
                    }
                    return (events, calls)
                }
            }
            var (events, calls) = (0, [Double]())
            for try await done in group {
                events += done.events
                calls += done.calls
            }
            return BenchLoad(events: events, seconds: (ContinuousClock.now - start).seconds, calls: Sample(calls))
        }
    }
}
