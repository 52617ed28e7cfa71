import Foundation
import Nightjar
import NightjarCore
import Synchronization
import TestSupport

struct CellWork: EventData {
    static let eventName = "cell/work"
    var key: String
    var level: Int
}

struct CellParent: EventData {
    static let eventName = "cell/parent"
    var key: String
}

struct CellCancel: EventData {
    static let eventName = "cell/cancel"
    var key: String
}

struct CellSignal: EventData {
    static let eventName = "cell/signal"
    var key: String
}

/// The functions of the matrix: one that comes to rest in a state, and those who watch it.
final class CellFunctions: Sendable {
    struct Flaky: Error {}

    let state: CancelCell.State
    /// What was executed.
    let log = Log()
    private let handled = Mutex<[FunctionCancellation<CellWork>]>([])
    private let heard = Mutex<[RawEvent]>([])

    init(_ state: CancelCell.State) {
        self.state = state
    }

    /// What its cancellation handler was told of a run.
    func cancellations(of run: UUID) -> [FunctionCancellation<CellWork>] {
        handled.withLock { $0.filter { $0.runID == run } }
    }

    /// The system events about a run that a listening function was started by.
    func events(_ name: String, of run: UUID) -> [RawEvent] {
        heard.withLock { events in
            events.filter {
                $0.name == "inngest/function.\(name)" && $0.data["run_id"]?.string == run.uuidString.lowercased()
            }
        }
    }

    /// What a run has logged when it rests in a state.
    func lines(of state: CancelCell.State) -> [String] {
        switch state {
        case .queued, .scheduled: []
        case .executing: ["first", "body"]
        case .between: ["first", "between"]
        case .ended: ["first", "after"]
        case .sleeping, .waiting, .invoking, .retrying: ["first"]
        }
    }

    /// Of the app "cells": what is cancelled.
    var cells: [FunctionDefinition] {
        let work = Function("work", on: CellWork.self)
            .cancelOn(CellCancel.self, match: \.key)
            .cancelOn("cell/cancel-if", if: "async.data.key == event.data.key && async.data.level > event.data.level")
            .timeouts(start: .seconds(36_000), finish: .seconds(36_000))
            .retries(RetryPolicy(maxRetries: 3, backoff: .constant(.seconds(3_600))))
            .onCancel { [self] cancellation, step in
                try await step.run("clear up") { self.handled.withLock { $0.append(cancellation) } }
            }
            .run { [self] event, step in
                let (key, log) = (event.data.key, log)
                try await step.run("first") { log.add("\(key) first") }
                try await rest(key, step)
                // Also where the code goes on although it has been cancelled.
                try await step.run("after") { log.add("\(key) after") }
                return key
            }
        let child = Function("child", on: .name("cell/child")).run { _, step in
            try await step.sleep("nap", for: .seconds(3_600))
        }
        return [work, child]
    }

    private func rest(_ key: String, _ step: Step) async throws {
        switch state {
        case .queued, .scheduled, .ended:
            break
        case .sleeping:
            try await step.sleep("nap", for: .seconds(3_600))
        case .waiting:
            _ = try await step.waitForEvent("signal", CellSignal.self, match: "data.key", timeout: .seconds(3_600))
        case .invoking:
            _ = try await step.invoke("call", "child", with: ["child": key], as: JSON.self)
        case .retrying:
            try await step.run("flaky") { throw Flaky() }
        case .executing:
            try? await step.run("body") { [log] in
                log.add("\(key) body")
                await Signal().untilCancelled()
            }
        case .between:
            log.add("\(key) between")
            await Signal().untilCancelled()
        }
    }

    /// Of the app "watch": who invokes, and who listens.
    var watch: [FunctionDefinition] {
        let parent = Function("parent", on: CellParent.self).run { event, step in
            _ = try await step.invoke(
                "work", "work", app: "cells", with: CellWork(key: event.data.key, level: 3), as: JSON.self)
            try await step.sleep("nap", for: .seconds(3_600))
        }
        return [parent, listener("cancelled"), listener("finished")]
    }

    private func listener(_ name: String) -> FunctionDefinition {
        Function("hears-\(name)", on: .name("inngest/function.\(name)")).run { [self] event, step in
            try await step.run("note") { self.heard.withLock { $0.append(event) } }
        }
    }
}
