import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// Runs of every kind, really executed, and counted.
enum ReportData {
    struct Order: EventData {
        static let eventName = "shop/order"
        var id: Int
        var fate: String
    }
    struct Refund: EventData {
        static let eventName = "shop/refund"
        var id: Int
    }
    struct Lost: EventData {
        static let eventName = "shop/lost"
        var id: Int
    }
    struct OutOfStock: Error, CustomStringConvertible {
        var description: String { "out of stock" }
    }

    /// Completes, fails after an attempt that is made again, or sleeps until it is cancelled.
    static let function = Function("handle-order", on: Order.self)
        .cancelOn(Refund.self, match: \.id)
        .run { event, step in
            try await step.run("reserve", retries: RetryPolicy(maxRetries: 1, backoff: .constant(.milliseconds(1)))) {
                if event.data.fate == "fails" { throw OutOfStock() }
            }
            if event.data.fate == "sleeps" { try await step.sleep("wait", until: Date(timeIntervalSinceNow: 3_600)) }
            return try await step.run("ship") { event.data.id }
        }

    /// Four completed, two failed, one was cancelled, one sleeps; two events that nobody hears.
    static func make(in database: TestDatabase) async throws -> Probe {
        let probe = try await Probe(database)
        try await RunningWorker.with([function], in: database, app: "shop") { client in
            for (id, fate) in [
                "completes", "completes", "fails", "sleeps", "sleeps", "completes", "fails", "completes",
            ].enumerated() {
                try await client.send(Order(id: id, fate: fate))
            }
            try await probe.await(4, "completed")
            try await probe.await(2, "failed")
            try await probe.await(2, "sleeping")
            try await client.send(Refund(id: 3))
            for id in 1...2 { try await client.send(Lost(id: id)) }
            try await probe.await(1, "cancelled")
            // Counted by hand: the worker does it once a minute.
            try await probe.rollUp(until: "sum(ended) * 100 + sum(queued)", is: 708)
            try await eventually("the events are counted", within: .seconds(120)) {
                try await probe.rollUp()
                return try await probe.events("shop/lost") == 2
            }
        }
        return probe
    }
}
