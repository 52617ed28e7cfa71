import Foundation
import NightjarCore
import Testing

@testable import NightjarServer

/// What an app answers, call by call.
final class Script {
    private var lines: [(about: String, answer: CallAnswer)]
    private(set) var calls: [RemoteCall] = []

    /// - Parameter lines: What each call is expected to be about: `step`, or a step's key; and the answer.
    init(_ lines: [(String, CallAnswer)]) { self.lines = lines.map { ($0.0, $0.1) } }

    func answer(_ call: RemoteCall) -> CallAnswer {
        calls.append(call)
        guard !lines.isEmpty else {
            Issue.record("unexpected call about \(call.about)")
            return .http(400, "{\"message\":\"unexpected call\"}", ["x-inngest-no-retry": "true"])
        }
        let line = lines.removeFirst()
        #expect(call.about == line.about)
        return line.answer
    }

    var isOver: Bool { lines.isEmpty }

    static let done = ("step", CallAnswer.http(200, "\"done\""))

    static func operations(_ text: String, _ headers: [String: String] = [:], about: String = "step") -> (
        String, CallAnswer
    ) {
        (about, .http(206, text, headers))
    }

    static func ran(_ step: String, about: String? = nil, _ headers: [String: String] = [:]) -> (String, CallAnswer) {
        operations("[{\"op\":\"StepRun\",\"id\":\"\(step)\",\"data\":\"\(step)!\"}]", headers, about: about ?? "step")
    }

    static func failed(_ step: String, about: String? = nil, _ headers: [String: String] = [:]) -> (String, CallAnswer)
    {
        operations(
            "[{\"op\":\"StepError\",\"id\":\"\(step)\",\"error\":{\"name\":\"Oops\",\"message\":\"no\",\"data\":null}}]",
            headers,
            about: about ?? "step")
    }

    static func planned(
        _ steps: String..., mode: String? = nil, headers: [String: String] = [:]
    ) -> (String, CallAnswer) {
        let options = mode.map { ",\"opts\":{\"parallelMode\":\"\($0)\"}" } ?? ""
        let texts = steps.map { "{\"op\":\"StepPlanned\",\"id\":\"\($0)\",\"displayName\":\"\($0)\"\(options)}" }
        return operations("[\(texts.joined(separator: ","))]", headers)
    }
}

extension RemoteWorld {
    /// Executes the run with a script, and expects that all of it is used.
    mutating func play(_ lines: [(String, CallAnswer)], parks: Int = 200) -> Script {
        let script = Script(lines)
        run(parks: parks) { call, _ in script.answer(call) }
        #expect(script.isOver)
        #expect(violations.isEmpty)
        return script
    }

    var isDone: Bool { outcome == .completed(output: "\"done\"") }

    var failure: RunError? {
        if case .failed(let error) = outcome { error } else { nil }
    }

    /// Why the run parked, each time.
    var parks: [ParkReason] {
        commits.compactMap { if case .park(_, let reason) = $0.next { reason } else { nil } }
    }
}
