import Nightjar
import NightjarCore
import Testing

@testable import NightjarServer

@Suite("What apps register")
struct AppConfigTests {
    /// A function with some settings of its own.
    static func function(_ more: [String: JSON] = [:], id: String = "shop-f") -> JSON {
        var function: [String: JSON] = [
            "id": .string(id), "name": "F", "triggers": [["event": "a/b"]],
            "steps": [
                "step": [
                    "id": "step", "name": "step",
                    "runtime": ["type": "http", "url": .string("http://127.0.0.1:9/x?fnId=\(id)")],
                ]
            ],
        ]
        for (key, value) in more { function[key] = value }
        return .object(function)
    }

    static func app(_ functions: [JSON], _ more: [String: JSON] = [:]) -> JSON {
        var app: [String: JSON] = [
            "url": "http://127.0.0.1:9/x", "appName": "shop", "sdk": "js:v4.18.1", "framework": "express",
            "functions": .array(functions),
        ]
        for (key, value) in more { app[key] = value }
        return .object(app)
    }

    private func entry(_ more: [String: JSON]) throws -> JSON {
        try AppConfig(Self.app([Self.function(more)]), sdk: nil).functions[0].entry
    }

    @Test("keys in the writing of each SDK")
    func writings() throws {
        for key in ["appName", "appname", "app_name", "app_id", "appId"] {
            let body = JSON.object(["url": "http://x/y", key: "shop", "functions": []])
            let app = try AppConfig(body, sdk: "go:v0.16.0")
            #expect(app.name == "shop" && app.sdk == "go:v0.16.0", "\(key)")
        }
        let inBand = try AppConfig(
            [
                "url": "http://x/y", "app_id": "shop", "functions": [], "sdk_language": "py", "sdk_version": "0.5.19",
                "env": nil,
            ], sdk: nil)
        #expect(inBand.sdk == "py:v0.5.19")
        let singleton = try entry(["Singleton": ["mode": "cancel"]])
        #expect(singleton["flow"]?["singleton"]?["mode"] == "cancel")
        #expect(try entry(["Retries": 7])["options"]?["max_retries"] == 7, "as Go writes it")
        let stepwise = try entry([
            "retries": 7,
            "steps": ["s": ["id": "s", "retries": ["attempts": 1], "runtime": ["url": "http://x/y"]]],
        ])
        #expect(stepwise["options"]?["max_retries"] == 1)
        #expect(stepwise["url"] == "http://x/y", "a runtime without a type")
    }

    @Test("null and empty lists are as good as nothing")
    func nothing() throws {
        let plain = try entry([:])
        let null = try entry([
            "concurrency": [], "cancel": [], "batchEvents": nil, "throttle": nil, "timeouts": nil, "idempotency": nil,
            "priority": nil, "debounce": nil, "singleton": nil, "rateLimit": nil,
        ])
        for key in ["options", "triggers", "cancel", "flow", "crons"] { #expect(plain[key] == null[key], "\(key)") }
        #expect(plain["options"]?["max_retries"] == 4)
        #expect(plain["flow"] == JSON.null)
    }

    @Test("concurrency in all shapes; a limit of 0 is none")
    func concurrency() throws {
        let limits = { (json: JSON) in try entry(["concurrency": json])["options"]?["limits"]?.array ?? [] }
        let plain: JSON = ["limit": 5, "scope": "fn", "level": "step"]
        #expect(try limits(5) == [plain])
        #expect(try limits(["limit": 5]) == [plain])
        #expect(try limits([["Limit": 5, "Scope": "Fn", "hash": "x", "key": nil]]) == [plain])
        #expect(try limits([5, ["limit": 0]]) == [plain])
        #expect(try limits(["fn": [["limit": 0]], "step": [5]]) == [plain])
        for json: JSON in [0, [], ["limit": 0], [:], nil] { #expect(try limits(json) == [], "\(json)") }
        let key: JSON = [
            "limit": 1, "scope": "account", "level": "step", "key": ["lit", "global"], "text": "\"global\"",
        ]
        #expect(try limits([["limit": 1, "scope": "Account", "key": "\"global\""]]) == [key])
        let whole: JSON = [
            "limit": 1, "scope": "fn", "level": "run", "key": ["event", "data", "id"], "text": "event.data.id",
        ]
        #expect(
            try limits(["fn": [["limit": 1, "scope": "fn", "key": "event.data.id"]], "step": [["limit": 5]]])
                == [whole, plain])
        #expect(try limits(["fn": ["limit": 1, "key": "event.data.id"]]) == [whole])
    }

    @Test("triggers: conditions, several of a name, wildcards, by the clock, failures of another function")
    func triggers() throws {
        let entry = try entry([
            "triggers": [
                ["event": "a", "expression": "event.data.x == 1"], ["event": "a", "expression": "event.data.x == 2"],
                ["event": "b", "expression": "event.data.x == 1"], ["event": "b"], ["event": "c/*", "expression": ""],
                ["cron": "TZ=Europe/Paris 0 9 * * 1-5", "jitter": "30s"],
                ["event": "inngest/function.failed", "expression": "event.data.function_id == 'shop-g'"],
            ]
        ])
        let triggers = try #require(entry["triggers"]?.array)
        #expect(triggers.map { $0["event"]?.string } == ["a", "b", "c/*", "inngest/function.failed"])
        #expect(
            triggers[0]["condition"]
                == ["||", ["==", ["event", "data", "x"], ["lit", 1]], ["==", ["event", "data", "x"], ["lit", 2]]])
        #expect(triggers[1]["condition"] == JSON.null)
        #expect(triggers[3]["source"] == "g")
        #expect(entry["crons"] == [["cron": "TZ=Europe/Paris 0 9 * * 1-5", "jitter_ms": 30_000]])
    }

    @Test("cancellations: conditions, time spans, instants, doubles")
    func cancels() throws {
        let entry = try entry([
            "cancel": [
                ["event": "c", "if": "event.data.a == async.data.a", "timeout": "1d12h"],
                ["event": "c", "if": "event.data.a == async.data.a", "timeout": "1d12h"],
                ["event": "d", "timeout": "2030-01-01T09:00:00Z"], ["event": "e", "timeout": 1_500],
                ["event": "f", "if": "false"],
            ]
        ])
        let cancels = try #require(entry["cancel"]?.array)
        #expect(cancels.map { $0["event"]?.string } == ["c", "d", "e"])
        #expect(cancels[0]["timeout_ms"] == 129_600_000)
        #expect(cancels[0]["branches"]?[0]?["event_path"] == ["data", "a"])
        #expect(cancels[1]["until"]?.string?.hasPrefix("2030-01-01T09:00:00") == true)
        #expect(cancels[2]["timeout_ms"] == 1_500)
    }

    @Test("time limits")
    func timeouts() throws {
        let options = try entry(["timeouts": ["start": "10s", "finish": "1h30m"]])["options"]
        #expect(options?["start_timeout_ms"] == 10_000)
        #expect(options?["finish_timeout_ms"] == 5_400_000)
    }

    @Test(
        "what is refused: under which code, and with which words",
        arguments: [
            (["triggers": []], "config_invalid", "1 to 10"),
            (["triggers": .array(Array(repeating: ["event": "a"], count: 11))], "config_invalid", "there are 11"),
            (["triggers": [["event": "a*"]]], "event_name_invalid", "a*"),
            (["triggers": [["event": .string(String(repeating: "x", count: 256))]]], "event_name_invalid", "256"),
            (["triggers": [["event": "a", "expression": "event.data.x === 1"]]], "expression_invalid", "character"),
            (
                ["triggers": [["event": "a", "expression": "event.data.tags.exists(x, x == 1)"]]], "expression_invalid",
                "not supported"
            ),
            (["triggers": [["event": "a", "expression": "async.data.x == 1"]]], "expression_invalid", "no new event"),
            (["triggers": [["cron": "* * * *"]]], "schedule_invalid", "* * * *"),
            (["triggers": [["cron": "TZ=Nowhere/Land 0 0 * * *"]]], "schedule_invalid", "time zone"),
            (["triggers": [["cron": "0 0 * * *"], ["cron": "0 0 * * *"]]], "schedule_invalid", "twice"),
            (["triggers": [["cron": "0 0 * * *", "jitter": "10m"]]], "schedule_invalid", "5m"),
            (["triggers": [[:]]], "config_invalid", "an event or a cron"),
            (["cancel": .array(Array(repeating: ["event": "a"], count: 6))], "config_invalid", "there are 6"),
            (["cancel": [["if": "true"]]], "config_invalid", "cancel[0].event"),
            (
                ["cancel": [["event": "a", "if": "lowercase(async.data.x) == 'a'"]]], "expression_invalid",
                "cancel[0].if"
            ),
            (["cancel": [["event": "a", "timeout": "soon"]]], "config_invalid", "cancel[0].timeout"),
            (["concurrency": [1, 2, 3]], "config_invalid", "there are 3"),
            (["concurrency": [["limit": 1, "scope": "world"]]], "config_invalid", "scope"),
            (["concurrency": [["limit": 1, "scope": "env"]]], "config_invalid", "needs one"),
            (["concurrency": -1], "config_invalid", "concurrency[0]"),
            (["concurrency": ["fn": [1, 2]]], "config_invalid", "concurrency.fn"),
            (["concurrency": ["fn": [1], "step": [1, 2]]], "config_invalid", "there are 3"),
            (["concurrency": [["limit": 1, "key": "event.data."]]], "expression_invalid", "concurrency[0].key"),
            (
                ["batchEvents": ["maxSize": 5, "timeout": "5s"], "cancel": [["event": "a"]]], "combo_unsupported",
                "cancellation"
            ),
            (
                ["batchEvents": ["maxSize": 5, "timeout": "5s"], "debounce": ["period": "5s"]], "combo_unsupported",
                "debounce"
            ),
            (["batchEvents": ["maxSize": 1, "timeout": "5s"]], "batch_size_invalid", "maxSize"),
            (["batchEvents": ["maxSize": 2, "timeout": "5ms"]], "batch_timeout_invalid", "timeout"),
            (
                ["batchEvents": ["maxSize": 2, "timeout": "5s"], "priority": ["run": "1"]], "config_invalid", "priority"
            ),
            (["timeouts": ["finish": "whenever"]], "config_invalid", "timeouts.finish"),
            (["retries": 21], "config_invalid", "retries"), (["steps": [:]], "config_invalid", "exactly one step"),
            (["steps": ["a": [:], "b": [:]]], "config_invalid", "there are 2"),
            (["steps": ["a": ["runtime": ["url": "wss://x/y"]]]], "config_invalid", "Connect"),
            (["steps": ["a": ["runtime": ["url": 1]]]], "config_invalid", "steps.a.runtime.url"),
            (["steps": ["a": ["runtime": ["url": "/relative"]]]], "config_invalid", "http"),
        ] as [([String: JSON], String, String)])
    func refused(_ settings: [String: JSON], _ code: String, _ words: String) {
        let refusal = #expect(throws: SyncRefusal.self) { try AppConfig(Self.app([Self.function(settings)]), sdk: nil) }
        let failure = refusal?.failure
        #expect(failure?.code == code, "\(failure?.message ?? "")")
        #expect(failure?.message.hasPrefix("At least one function is invalid: function \"shop-f\"") == true)
        #expect(failure?.message.contains(words) == true, "\(failure?.message ?? "")")
    }

    @Test("what is wrong with the app itself, and all problems at once")
    func app() throws {
        let refuse = { (body: JSON) in
            #expect(throws: SyncRefusal.self) { try AppConfig(body, sdk: nil) }?.problems ?? []
        }
        #expect(refuse(["url": "http://x/y", "functions": []]).map(\.field) == ["appName"])
        #expect(refuse([1]).count == 1)
        #expect(refuse(Self.app([], ["url": "ftp://x"])).map(\.field) == ["url"])
        #expect(refuse(Self.app([], ["functions": 1])).map(\.field) == ["functions"])
        let denied = refuse(Self.app([], ["sdk": "inngest-js:v3.22.0"]))
        #expect(denied.map(\.code) == [.sdkVersionDenied])
        #expect(throws: Never.self) { try AppConfig(Self.app([], ["sdk": "js:v3.54.2"]), sdk: nil) }
        let several = refuse(
            Self.app([
                Self.function(["retries": -1, "triggers": []]), Self.function(["concurrency": "x"]),
                Self.function(id: ""),
            ]))
        #expect(several.count == 5, "\(several.map(\.text))")
        #expect(several.first { $0.position != nil } == nil)
    }

    @Test("the checksum is that of what matters")
    func checksum() throws {
        let entry = { (app: JSON) in try AppConfig(app, sdk: nil).entry() }
        let first = try entry(Self.app([Self.function()]))
        #expect(try entry(Self.app([Self.function()], ["deployId": "x", "idempotencyKey": "y"])) == first)
        #expect(try entry(Self.app([Self.function(["retries": 1])])) != first)
    }
}
