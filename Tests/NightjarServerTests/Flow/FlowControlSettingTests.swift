import NightjarCore
import Testing

@testable import NightjarServer

@Suite("Flow control as apps register it")
struct FlowControlSettingTests {
    @Test("Settings in the shapes and cases of all SDKs")
    func shapes() throws {
        let config: JSON = [
            "debounce": ["period": "10s", "timeout": .null, "key": "event.data.id"], "Singleton": .null, "cancel": [],
            "throttle": ["limit": 2, "period": "1m", "burst": 1], "concurrency": [["limit": 5]],
        ]
        let flow = try FlowControl(config: config)
        let expected: JSON = [
            "debounce": ["period_ms": 10_000, "key": ["event", "data", "id"]],
            "throttle": ["limit": 2, "period_ms": 60_000, "burst": 1],
        ]
        #expect(flow.stored == expected)
        let singleton = try FlowControl(config: ["Singleton": ["mode": "Cancel", "key": "event.data.a"]])
        #expect(singleton.stored == ["singleton": ["mode": "cancel", "key": ["event", "data", "a"]]])
        let nothing = try FlowControl(config: ["concurrency": [], "priority": .null])
        #expect(nothing.stored == nil)
    }

    @Test("An idempotency key stands in place of a rate limit")
    func idempotency() throws {
        let flow = try FlowControl(config: ["idempotency": "event.data.id", "rateLimit": ["limit": 5, "period": "1h"]])
        #expect(flow.stored == ["idempotency": ["key": ["event", "data", "id"]]])
    }

    @Test(
        "What is refused, and under which code",
        arguments: [
            (["batchEvents": ["maxSize": 1, "timeout": "5s"]], "batch_size_invalid"),
            (["batchEvents": ["maxSize": 10, "timeout": "10ms"]], "batch_timeout_invalid"),
            (["batchEvents": ["maxSize": 10, "timeout": "5s"], "debounce": ["period": "5s"]], "combo_unsupported"),
            (["batchEvents": ["maxSize": 10, "timeout": "5s"], "singleton": ["mode": "skip"]], "combo_unsupported"),
            (["rateLimit": ["limit": 1, "period": "1h", "key": "event.data."]], "expression_invalid"),
        ] as [(JSON, String)])
    func refused(_ config: JSON, _ code: String) {
        let error = #expect(throws: FlowControl.Problem.self) { try FlowControl(config: config) }
        #expect(error?.code == code)
    }

    @Test(
        "Spans of time",
        arguments: [
            ("1d12h", .seconds(129_600)), ("500ms", .milliseconds(500)), ("1.5h", .seconds(5_400)),
            ("1w", .seconds(604_800)), ("250", .milliseconds(250)), (" 10s ", .seconds(10)), ("", nil),
            ("10", .milliseconds(10)),
            ("ten", nil), ("1x", nil), ("s", nil), ("1h-5m", nil), ("99999999999w", nil),
        ] as [(String, Duration?)])
    func durations(_ text: String, _ expected: Duration?) {
        let duration = DurationText.parse(text)
        #expect(duration == expected)
    }
}
