import Foundation
import NightjarCore
import Synchronization
import Testing

@testable import NightjarServer

@Suite("Requests made for apps")
struct GatewayTests {
    private func request(_ operation: String) throws -> GatewayRequest {
        try GatewayRequest(Operation(JSONValue(operation)))
    }

    private func fetch(_ options: String) throws -> GatewayRequest {
        try request(#"{"op":"Gateway","id":"g","opts":\#(options)}"#)
    }

    private func result(_ answer: CallAnswer) throws -> JSONValue {
        guard case .completed(let text) = answer.content else { throw Unexpected(answer: answer) }
        return try JSONValue(text)
    }

    private func error(_ answer: CallAnswer) throws -> RunError {
        guard case .failed(let error, _) = answer.content else { throw Unexpected(answer: answer) }
        return error
    }

    struct Unexpected: Error { var answer: CallAnswer }

    @Test("What is sent, and what comes back")
    func exchange() async throws {
        try await TestApp.with { asked in
            let body = String(decoding: asked.body, as: UTF8.self)
            return TestApp.Answer(
                status: 418, headers: ["X-Got": "\(asked.method) \(asked.headers["x-a"] ?? "")"], body: "got \(body)")
        } _: { app in
            let gateway = Gateway(allowsPrivate: true)
            let full = try fetch(#"{"url":"\#(app.url)/x?y=1","method":"put","headers":{"X-A":"1"},"body":"text"}"#)
            let json = try result(await gateway.answer(full))
            #expect(json["status_code"]?.integer == 418)
            #expect(json["body"]?.string == "got text")
            #expect(json["url"]?.string == "\(app.url)/x?y=1")
            let headers = json["headers"]?.members?.first { $0.key.lowercased() == "x-got" }?.value.string
            #expect(headers == "PUT 1")
            let bare = try result(await gateway.answer(try fetch(#"{"url":"\#(app.url)","body":{"b":1,"a":[]}}"#)))
            #expect(bare["body"]?.string == #"got {"a":[],"b":1}"#)
        }
    }

    @Test(
        "Nothing that only this server can reach is reached",
        arguments: [
            "http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "http://2130706433/", "http://0x7f000001/",
            "http://127.1/", "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/meta-data", "http://0/",
            "http://[64:ff9b::7f00:1]/",
        ])
    func refused(url: String) async throws {
        let answer = await Gateway(allowsPrivate: false).answer(try fetch(#"{"url":"\#(url)"}"#))
        #expect(answer.isFinal)
        let message = try error(answer).message
        #expect(message.contains("not a public address"))
    }

    @Test(
        "What is no URL of HTTP is refused", arguments: ["file:///etc/passwd", "gopher://a/", "//a", "a b", "http://"])
    func noURL(url: String) async throws {
        let answer = await Gateway(allowsPrivate: true).answer(try fetch(#"{"url":"\#(url)"}"#))
        let name = try error(answer).name
        #expect(name == "GatewayError")
    }

    @Test("One private address among several is enough to refuse a name")
    func mixedAddresses() async throws {
        let gateway = Gateway(isAllowed: AddressRule.isPublic) { _ in ["1.1.1.1", "10.0.0.1"] }
        let answer = await gateway.answer(try fetch(#"{"url":"http://rebind.test/"}"#))
        let message = try error(answer).message
        #expect(message.contains("10.0.0.1"))
    }

    @Test("The connection goes to the address that was looked up, once, whatever the name means to others")
    func pinned() async throws {
        let lookUps = Mutex<[String]>([])
        try await TestApp.with { asked in
            TestApp.Answer(body: asked.headers["host"] ?? "")
        } _: { app in
            let gateway = Gateway(isAllowed: { _ in true }) { name in
                lookUps.withLock { $0.append(name) }
                return ["127.0.0.1"]
            }
            let json = try result(await gateway.answer(try fetch(#"{"url":"http://nowhere.invalid:\#(app.port)/"}"#)))
            #expect(json["body"]?.string == "nowhere.invalid:\(app.port)")
        }
        let names = lookUps.withLock { $0 }
        #expect(names == ["nowhere.invalid"])
    }

    @Test("A redirect is checked like the request; what identifies the sender stays with whom it was meant for")
    func redirects() async throws {
        let asked = Mutex<[TestApp.Asked]>([])
        try await TestApp.with { request in
            asked.withLock { $0.append(request) }
            let target =
                request.uri.hasPrefix("/away") ? "http://inside.test:\(request.headers["x-port"] ?? "")/end" : "/end"
            return request.uri.hasPrefix("/end")
                ? TestApp.Answer(body: "end") : TestApp.Answer(status: 302, headers: ["Location": target])
        } _: { app in
            let options = #""headers":{"Authorization":"secret","X-Port":"\#(app.port)"},"body":"b""#
            let resolve: @Sendable (String) async throws -> [String] = { _ in ["127.0.0.1"] }
            let gateway = Gateway(isAllowed: { _ in true }, resolve: resolve)
            let near = try result(
                await gateway.answer(try fetch(#"{"url":"http://out.test:\#(app.port)/near",\#(options)}"#)))
            #expect(near["url"]?.string == "http://out.test:\(app.port)/end")
            _ = try result(await gateway.answer(try fetch(#"{"url":"http://out.test:\#(app.port)/away",\#(options)}"#)))
            // The first name leads to an address that is allowed, what it redirects to does not.
            let strict = Gateway(isAllowed: { $0 == "127.0.0.1" }) { $0 == "out.test" ? ["127.0.0.1"] : ["10.0.0.1"] }
            let refused = await strict.answer(try fetch(#"{"url":"http://out.test:\#(app.port)/away",\#(options)}"#))
            let message = try error(refused).message
            #expect(refused.isFinal && message.contains("10.0.0.1"))
        }
        let requests = asked.withLock { $0 }
        #expect(requests.map(\.method) == ["POST", "GET", "POST", "GET", "POST"])
        #expect(requests.map { $0.headers["authorization"] } == ["secret", "secret", "secret", nil, "secret"])
        #expect(requests.map(\.body.count) == [1, 0, 1, 0, 1])
    }

    @Test("Answers that are too large")
    func tooLarge() async throws {
        try await TestApp.with { _ in
            TestApp.Answer(body: String(repeating: "x", count: 5 << 20))
        } _: { app in
            let answer = await Gateway(allowsPrivate: true).answer(try fetch(#"{"url":"\#(app.url)"}"#))
            let message = try error(answer).message
            #expect(answer.isFinal && message.contains("4194304"))
        }
    }

    @Test("Providers of models get the key as they want it")
    func authorization() throws {
        func infer(_ format: String) throws -> GatewayRequest {
            try request(
                #"{"op":"AIGateway","id":"g","opts":{"type":"step.ai.infer","url":"http://a/b","headers":{"X-Api-Key":"own"},"auth_key":"k/1","format":"\#(format)","body":{"b":1}}}"#
            )
        }
        func header(_ name: String, _ request: GatewayRequest) -> [String] {
            request.headers.filter { $0.name.lowercased() == name }.map(\.value)
        }
        let openAI = try infer("openai-chat")
        #expect(openAI.method == "POST" && openAI.body == #"{"b":1}"# && openAI.kind == .infer)
        #expect(header("authorization", openAI) == ["Bearer k/1"])
        #expect(header("content-type", openAI) == ["application/json"])
        #expect(header("x-api-key", try infer("anthropic")) == ["own"])
        #expect(try infer("gemini").url == "http://a/b?key=k%2F1")
        #expect(header("authorization", try infer("bedrock")) == ["k/1"])
    }

    @Test("A provider's error is one, and tried again; its answer is the result")
    func inference() async throws {
        let isBusy = Mutex(true)
        try await TestApp.with { _ in
            let wasBusy = isBusy.withLock { busy in
                defer { busy = false }
                return busy
            }
            return wasBusy
                ? TestApp.Answer(status: 429, headers: ["Retry-After": "7"], body: "busy")
                : TestApp.Answer(body: #"{"b":1, "a":2}"#)
        } _: { app in
            let request = try request(
                #"{"op":"AIGateway","id":"g","opts":{"url":"\#(app.url)","auth_key":"","format":"openai-chat","body":{}}}"#
            )
            let gateway = Gateway(allowsPrivate: true)
            let busy = await gateway.answer(request)
            #expect(!busy.isFinal && busy.retryAfter == "7")
            let message = try error(busy).message
            #expect(message.contains("429"))
            let json = try result(await gateway.answer(request))
            #expect(json.text == #"{"a":2,"b":1}"#)
        }
    }

    @Test("As steps: retried by their own counter, then the function's to catch")
    func steps() {
        var world = RemoteWorld()
        world.options.retries = 1
        let fetch = Script.operations(#"[{"op":"Gateway","id":"g","displayName":"get","opts":{"url":"http://a/"}}]"#)
        let broken = ("g", CallAnswer.failed("gateway_failed", "no", name: "GatewayError"))
        let script = world.play([
            fetch, broken,
            // The run parked, and what was to be fetched is not stored: the app tells it again.
            fetch, ("g", CallAnswer(.completed("{\"status_code\":200}"))), Script.done,
        ])
        #expect(world.isDone)
        #expect(script.calls.map(\.attempt) == [0, 0, 0, 1, 0])
        #expect(world.memo.map(\.kind) == [.fetch] && world.memo.first?.name == "get")
        #expect(script.calls.last?.memo.entries["g"] == #"{"data":{"status_code":200}}"#)
    }

    @Test("A request without a URL is the step's failure")
    func malformed() {
        var world = RemoteWorld()
        let script = world.play([Script.operations(#"[{"op":"Gateway","id":"g","opts":{}}]"#), Script.done])
        #expect(script.calls.last?.memo.entries["g"]?.contains("GatewayError") == true)
        #expect(world.isDone)
    }
}
