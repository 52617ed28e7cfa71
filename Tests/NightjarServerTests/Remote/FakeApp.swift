import Foundation

@testable import NightjarServer

/// A function as an SDK would run it: from the top for every call, through what is recorded, up to what is new.
indirect enum Flow {
    case step(String)
    case sleep(String, TimeInterval)
    case wait(String, TimeInterval)
    case sequence([Flow])
    case parallel([Flow])
}

/// An app that has one function and the habits of an SDK of version 1 or 2.
final class FakeApp {
    let flow: Flow
    let version: Int
    let isRacing: Bool
    /// How often each step fails before it works.
    var failures: [String: Int] = [:]
    /// How often each step was executed.
    private(set) var executed: [String: Int] = [:]
    /// Steps that were executed although the call said that they are recorded.
    private(set) var repeated: [String] = []
    /// Answers that would have been wrong in an app.
    private(set) var complaints: [String] = []
    /// What the app has been told, in the order in which it was over.
    private var told: [String] = []

    init(_ flow: Flow, version: Int = 2, isRacing: Bool = false) {
        self.flow = flow
        self.version = version
        self.isRacing = isRacing
    }

    /// A step that an app reports.
    private struct Found {
        var id: String
        var operation: String
    }

    func answer(_ call: RemoteCall) -> CallAnswer {
        let headers = ["x-inngest-req-version": "\(version)"]
        // What was over is over, in the same order.
        if !told.starts(with: call.memo.stack.prefix(told.count)) && !call.memo.stack.starts(with: told) {
            complaints.append("the order changed: \(told) is now \(call.memo.stack)")
        }
        if call.memo.stack.count > told.count { told = call.memo.stack }
        if case .step(let id) = call.target { return execute(id, call, headers) }
        var found: [Found] = []
        let isOver = walk(flow, call.memo, &found)
        if isOver { return .http(200, "\"done\"", headers) }
        if found.count == 1, found[0].operation == "StepPlanned", !call.plansOnly {
            return execute(found[0].id, call, headers)
        }
        let options = isRacing ? ",\"opts\":{\"parallelMode\":\"race\"}" : ""
        let texts = found.map {
            $0.operation == "StepPlanned"
                ? "{\"op\":\"StepPlanned\",\"id\":\"\($0.id)\",\"displayName\":\"\($0.id)\"\(options)}" : $0.operation
        }
        return .http(206, "[\(texts.joined(separator: ","))]", headers)
    }

    private func execute(_ id: String, _ call: RemoteCall, _ headers: [String: String]) -> CallAnswer {
        executed[id, default: 0] += 1
        if call.memo.entries[id] != nil { repeated.append(id) }
        if let left = failures[id], left > 0 {
            failures[id] = left - 1
            return .http(
                206, "[{\"op\":\"StepError\",\"id\":\"\(id)\",\"error\":{\"name\":\"Oops\",\"message\":\"\(id)\"}}]",
                headers)
        }
        return .http(206, "[{\"op\":\"StepRun\",\"id\":\"\(id)\",\"data\":\"\(id)!\"}]", headers)
    }

    /// Goes through what is recorded; says whether it came to the end.
    private func walk(_ flow: Flow, _ memo: MemoSnapshot, _ found: inout [Found]) -> Bool {
        switch flow {
        case .step(let id):
            if memo.entries[id] != nil { return true }
            found.append(Found(id: id, operation: "StepPlanned"))
            return false
        case .sleep(let id, let seconds):
            if let text = memo.entries[id] { return text == "null" }
            found.append(
                Found(id: id, operation: "{\"op\":\"Sleep\",\"id\":\"\(id)\",\"name\":\"\(Int(seconds * 1000))ms\"}"))
            return false
        case .wait(let id, let seconds):
            if memo.entries[id] != nil { return true }
            let options = "{\"event\":\"test/awaited\",\"timeout\":\"\(Int(seconds))s\"}"
            found.append(Found(id: id, operation: "{\"op\":\"WaitForEvent\",\"id\":\"\(id)\",\"opts\":\(options)}"))
            return false
        case .sequence(let flows):
            for flow in flows {
                guard walk(flow, memo, &found) else { return false }
            }
            return true
        case .parallel(let flows):
            var isOver = true
            for flow in flows where !walk(flow, memo, &found) { isOver = false }
            return isOver
        }
    }
}
