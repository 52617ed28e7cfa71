import Foundation
import NightjarTesting
import Synchronization
import TestSupport
import Testing

@testable import Nightjar

/// Functions, end to end: sent by a client, executed by a worker, read by a client.
struct WorkerTests {
    struct Order: EventData {
        static let eventName = "shop/order"
        var id: String
        var at: Date?
    }
    struct Shipped: EventData, Equatable {
        static let eventName = "shop/shipped"
        var id: String
    }
    struct Flaky: Error {}

    @Test("A run goes through steps and sleeps, in order, each step once")
    func steps() async throws {
        let log = Log()
        let function = Function("order", on: Order.self).run { event, step in
            let a = try await step.run("a") {
                log.add("a"); return 1
            }
            try await step.sleep("nap", for: .milliseconds(50))
            let b = try await step.run("b") {
                log.add("b"); return a + 1
            }
            try await step.sleep("nap", for: .milliseconds(50))
            return try await step.run("c") {
                log.add("c"); return b + 1
            }
        }
        try await run(function) { client, run in
            let outcome = try await client.outcome(of: run)
            #expect(outcome == .completed(output: "3"))
        }
        #expect(log.lines == ["a", "b", "c"])
    }

    @Test("A sleep until the distant past is over; one until the distant future is not", arguments: [true, false])
    func extremeSleeps(past: Bool) async throws {
        let function = Function("order", on: Order.self).run { event, step in
            try await step.sleep("nap", until: past ? .distantPast : .distantFuture)
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let event = try await client.send(Order(id: "o"))
                let run = try #require(try await client.runs(startedBy: event).first?.id)
                let wanted: RunRecord.Status = past ? .completed : .sleeping
                try await eventually("the run is \(wanted)") { try await client.run(run)?.status == wanted }
            }
        }
    }

    @Test("Parallel steps, by async let and by task group")
    func parallel() async throws {
        let log = Log()
        let function = Function("order", on: Order.self).run { event, step in
            async let x = step.run("x") {
                log.add("x"); return 1
            }
            async let y: Int = {
                try await step.sleep("nap", for: .milliseconds(30))
                return try await step.run("y") {
                    log.add("y"); return 2
                }
            }()
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for n in 0..<5 {
                    group.addTask {
                        try await step.run("n\(n)") {
                            log.add("n\(n)"); return n
                        }
                    }
                }
                return try await group.reduce(0, +)
            }
            return try await x + y + sum
        }
        try await run(function) { client, run in
            let outcome = try await client.outcome(of: run)
            #expect(outcome == .completed(output: "13"))
        }
        #expect(log.lines.sorted() == ["n0", "n1", "n2", "n3", "n4", "x", "y"])
    }

    @Test("A step that fails is tried again by its policy; the attempts are on record")
    func retries() async throws {
        let log = Log()
        let function = Function("order", on: Order.self)
            .retries(RetryPolicy(maxRetries: 4, backoff: .constant(.milliseconds(10)), jitter: .zero))
            .run { event, step in
                try await step.run("flaky") {
                    log.add("try")
                    if log.lines.count < 3 { throw Flaky() }
                    return "done"
                }
            }
        try await run(function) { client, run in
            let outcome = try await client.outcome(of: run)
            #expect(outcome == .completed(output: "\"done\""))
        }
        #expect(log.lines.count == 3)
    }

    @Test("A run that fails for good starts its failure handler, once, with the event and the error")
    func failureHandler() async throws {
        let log = Log()
        let handled = Signal()
        let function = Function("order", on: Order.self)
            .retries(1)
            .onFailure { failure, step in
                try await step.run("tell") {
                    log.add("\(failure.event.data.id) \(failure.error.name) \(failure.runID)")
                }
                handled.set()
            }
            .run { event, step in
                try await step.run("broken") { throw NonRetryableError("out of stock") }
            }
        try await run(function) { client, run in
            guard case .failed(let error) = try await client.outcome(of: run) else {
                Issue.record("not failed")
                return
            }
            #expect(error.message.contains("out of stock"))
            try await handled.wait()
            #expect(log.lines.count == 1)
            #expect(log.lines.first?.hasPrefix("o-1 ") == true)
            #expect(log.lines.first?.lowercased().contains(run.uuidString.lowercased()) == true)
        }
    }

    @Test("An event sent by a step starts other runs, once")
    func sendEvent() async throws {
        let log = Log()
        let order = Function("order", on: Order.self).run { event, step in
            let ids = try await step.sendEvent("ship", Shipped(id: event.data.id))
            try await step.sleep("nap", for: .milliseconds(20))
            return ids.count
        }
        let shipped = Function("shipped", on: Shipped.self).run { event, step in
            try await step.run("note") { log.add(event.data.id) }
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([order, shipped], in: database) { client in
                let event = try await client.send(Order(id: "o-1"))
                let run = try #require(try await client.runs(startedBy: event).first?.id)
                let outcome = try await client.outcome(of: run)
                #expect(outcome == .completed(output: "1"))
                try await eventually("the event arrived") { log.lines == ["o-1"] }
                let probe = try await Probe(database)
                #expect(try await probe.value("SELECT count(*) FROM nightjar.events", as: Int64.self) == 2)
                #expect(try await probe.violations() == [])
            }
        }
    }

    @Test("An output that the database could not hold fails its run and no other")
    func badOutput() async throws {
        let function = Function("order", on: Order.self).outputLimit(1_000).run { event, step in
            try await step.run("output") { () -> String in
                switch event.data.id {
                case "nul": return "a\0b"
                case "long": return String(repeating: "x", count: 2_000)
                default: return "fine"
                }
            }
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let ids = try await client.send(
                    (0..<60).map { try NewEvent(Order(id: $0 % 20 == 7 ? "nul" : $0 % 20 == 13 ? "long" : "good")) })
                var failed = 0
                for id in ids {
                    let run = try #require(try await client.runs(startedBy: id).first?.id)
                    switch try await client.outcome(of: run) {
                    case .completed(let output): #expect(output == "\"fine\"")
                    case .failed(let error):
                        failed += 1
                        #expect(error.message.contains("output"))
                    case .cancelled: Issue.record("cancelled")
                    }
                }
                #expect(failed == 6)
            }
        }
    }

    @Test("A run whose event lies ahead begins then")
    func scheduled() async throws {
        let function = Function("order", on: Order.self).run { event, step in
            Date() >= (event.data.at ?? .distantFuture)
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let at = Date(timeIntervalSinceNow: 3)
                let event = try await client.send(Order(id: "o", at: at), at: at)
                let run = try #require(try await client.runs(startedBy: event).first)
                let outcome = try await client.outcome(of: run.id)
                #expect(outcome == .completed(output: "true"))
            }
        }
    }

    @Test("A client's own transaction: the business row and the event, both or none")
    func transaction() async throws {
        let log = Log()
        let function = Function("order", on: Order.self).run { event, step in
            try await step.run("a") { log.add(event.data.id) }
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let pool = PostgresPool(database.configuration, logger: .silent)
                try await pool.transaction { db in try db.script("CREATE TABLE orders (id text)") }
                struct Rejected: Error {}
                for (id, commits) in [("kept", true), ("undone", false)] {
                    let event = try NewEvent(Order(id: id))
                    _ = try? await pool.transaction { db in
                        try db.execute("INSERT INTO orders VALUES ($1)", [id])
                        try Client.send([event], in: db)
                        if !commits { throw Rejected() }
                    }
                }
                try await eventually("the kept one ran") { log.lines == ["kept"] }
                let probe = try await Probe(database)
                #expect(try await probe.value("SELECT count(*) FROM nightjar.events", as: Int64.self) == 1)
                await pool.close()
            }
        }
    }

    @Test("Wrong definitions are refused before anything happens, all at once")
    func refusal() async throws {
        try await TestDatabase.with { database in
            let bad = Function("bad id", on: Order.self).run { _, _ in 1 }
            let twin = Function("twin", on: Order.self).run { _, _ in 1 }
            let worker = Worker(
                app: "test", functions: [bad, twin, twin], database: database.configuration, logger: .silent)
            await #expect {
                try await worker.run()
            } throws: { error in
                let text = "\(error)"
                return text.contains("bad id") && text.contains("twin") && text.contains("2 functions")
            }
        }
    }

    @Test("A worker refuses a database without the schema, and says what to do")
    func noSchema() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.script("DROP SCHEMA nightjar, nightjar_report CASCADE")
            let worker = Worker(
                app: "test", functions: [Blog().publishPost], database: database.configuration, logger: .silent)
            await #expect { try await worker.run() } throws: { "\($0)".contains("nightjar migrate") }
        }
    }

    // MARK: - Helpers

    private func run(_ function: FunctionDefinition, _ body: @escaping @Sendable (Client, UUID) async throws -> Void)
        async throws
    {
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let event = try await client.send(Order(id: "o-1"))
                let run = try #require(try await client.runs(startedBy: event).first?.id)
                try await body(client, run)
                let probe = try await Probe(database)
                try await eventually("nothing lives") {
                    try await probe.value("SELECT count(*) FROM nightjar.live", as: Int64.self) == 0
                }
                #expect(try await probe.violations() == [])
                await probe.connection.close()
            }
        }
    }
}

/// Lines in the order in which they were written.
final class Log: Sendable {
    private let state = Mutex<[String]>([])
    var lines: [String] { state.withLock { $0 } }
    func add(_ line: String) { state.withLock { $0.append(line) } }
    func clear() { state.withLock { $0 = [] } }
}
