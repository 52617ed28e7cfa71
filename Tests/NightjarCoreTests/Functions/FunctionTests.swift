import Foundation
import NightjarCore
import Testing

private struct PostScheduled: EventData {
    static let eventName = "blog/post.scheduled"
    var postID: String
    var scheduledAt: Date
}
private struct PostCancelled: EventData {
    static let eventName = "blog/post.cancelled"
    var postID: String
}
private struct Receipt: Codable, Sendable {
    var url: String
}
private struct Posts: Sendable {
    func publish(_ id: String) async throws -> Receipt { Receipt(url: "/posts/\(id)") }
}
private let posts = Posts()

private let publishPost = Function("publish-post", on: PostScheduled.self)
    .cancelOn(PostCancelled.self, match: \.postID)
    .cancelOn(PostScheduled.self, match: \.postID)  // a newer schedule replaces this one
    .run { event, step in
        try await step.sleep("wait-for-publish-time", until: event.data.scheduledAt)
        return try await step.run("publish-post") { try await posts.publish(event.data.postID) }
    }

@Suite("Function definitions", .timeLimit(.minutes(1)))
struct FunctionTests {
    private struct Other: EventData {
        static let eventName = "blog/other"
        struct Inner: Codable, Sendable { var id: String }
        var inner: Inner
        var number: Int
    }

    @Test("the function of the documentation runs as it says")
    func publishes() async throws {
        let event = RecordedEvent(
            id: "e1", name: "blog/post.scheduled", dataJSON: #"{"postID":"7","scheduledAt":"2027-01-15T09:00:00Z"}"#,
            timestamp: .start)
        let store = RunStore(publishPost, event: event)

        #expect(await store.execute() == .parked(until: .start + .seconds(3600)))
        #expect(await store.runToEnd() == .completed(output: #"{"url":"/posts/7"}"#))
        #expect(store.memo.map(\.step) == ["wait-for-publish-time", "publish-post"])
    }

    @Test("modifiers end up in the definition")
    func definition() throws {
        let definition = Function("publish-post", on: PostScheduled.self)
            .named("Publish a post")
            .cancelOn(PostCancelled.self, match: \.postID)
            .cancelOn(Other.self, match: \.postID, with: \.inner.id)
            .cancelOn(Other.self, match: "data.post_id")
            .cancelOn("blog/anything.*", match: "data.postID", with: #"data["a-b"].items[0]"#)
            .retries(RetryPolicy(maxRetries: 7, backoff: .constant(.seconds(1))))
            .timeouts(start: .seconds(60), finish: .seconds(3600))
            .stepTimeout(.seconds(60))
            .outputLimit(1024)
            .onFailure { failure, step in
                try await step.run("report") { _ = failure.event.data.postID }
            }
            .run { _, _ in }

        try definition.validate()
        #expect(definition.id == "publish-post")
        #expect(definition.name == "Publish a post")
        #expect(definition.triggers == [Trigger(event: "blog/post.scheduled")])
        #expect(
            definition.cancelPolicies == [
                CancelPolicy(event: "blog/post.cancelled", match: try .paths("data.postID")),
                CancelPolicy(event: "blog/other", match: try .paths("data.postID", "data.inner.id")),
                CancelPolicy(event: "blog/other", match: try .paths("data.post_id")),
                CancelPolicy(
                    event: "blog/anything.*", match: try .paths("data.postID", #"data["a-b"].items[0]"#)),
            ])
        #expect(definition.cancelPolicies.last?.text == #"match data.postID with data["a-b"].items[0]"#)
        #expect(
            definition.cancelPolicies.last?.branches == [
                MatchBranch(triggerPath: ["data", "postID"], eventPath: ["data", "a-b", "items", "0"])
            ])
        #expect(definition.options.retries.maxRetries == 7)
        #expect(definition.options.startTimeout == .seconds(60))
        #expect(definition.options.finishTimeout == .seconds(3600))
        #expect(definition.options.stepTimeout == .seconds(60))
        #expect(definition.options.outputLimit == 1024)
    }

    @Test("a failure handler is a function of its own that gets the event and the error")
    func failureHandler() async throws {
        let definition = Function("publish-post", on: PostScheduled.self)
            .onFailure { failure, step in
                try await step.sendEvent(
                    "report",
                    NewEvent(
                        name: "ops/failed",
                        data: [
                            "post": .string(failure.event.data.postID), "error": .string(failure.error.message),
                            "code": .string(failure.error.code ?? ""),
                            "function": .string(failure.functionID),
                        ]))
            }
            .run { _, _ in }
        let handler = try #require(definition.handlers.first)
        let runID = UUID()
        let failed = RecordedEvent(
            id: "e1", name: "blog/post.scheduled", dataJSON: #"{"postID":"7","scheduledAt":"2027-01-15T09:00:00Z"}"#,
            userJSON: #"{"id":1}"#, timestamp: .start)
        let data = try FailureEvent.dataJSON(
            function: "publish-post", runID: runID, event: failed,
            error: RunError(name: "E", message: "no \"luck\"", code: RunError.Code.stepTimeout))
        let store = RunStore(
            handler, event: RecordedEvent(id: "f1", name: FailureEvent.name, dataJSON: data, timestamp: .start))

        #expect(handler.id == "publish-post-failure")
        #expect(handler.triggers == [Trigger(event: "inngest/function.failed", source: "publish-post")])
        #expect(await store.runToEnd() == .completed(output: "null"))
        let sent = try JSONCoding.value(JSON.self, from: #require(store.events.first).dataJSON)
        #expect(
            sent == ["post": "7", "error": "no \"luck\"", "code": "step_timeout", "function": "publish-post"])
    }

    @Test("a function of several names and wildcards gets raw events that decode")
    func rawEvents() async throws {
        let definition = Function("raw", on: .name("blog/post.*"), .name("app/account.created")).run { event, _ in
            let title = event.data["title"]?.string ?? ""
            let typed = try? event.decode(PostCancelled.self)
            let wrong = try? event.decode(PostScheduled.self)
            return [event.name, title, typed?.data.postID ?? "", wrong == nil ? "wrong" : ""]
        }
        let event = RecordedEvent(
            id: "1", name: "blog/post.cancelled", dataJSON: #"{"postID":"7","title":"T"}"#, timestamp: .start)

        try definition.validate()
        #expect(definition.triggers.map(\.event) == ["blog/post.*", "app/account.created"])
        #expect(
            await RunStore(definition, event: event).runToEnd()
                == .completed(output: #"["blog/post.cancelled","T","7","wrong"]"#))
    }

    @Test("everything wrong with a definition is told at once, with the remedy")
    func problems() throws {
        let definition = Function("bad id!", on: .name("*"), .name("a*"), .name("app/*/x"))
            .cancelOn("", match: "data.x")
            .cancelOn("x/y", match: "post.id", with: "data..x")
            .retries(21)
            .timeouts(start: .zero, finish: .microseconds(999))
            .stepTimeout(.seconds(-1))
            .outputLimit(0)
            .run { _, _ in }

        let error = try #require(throws: DefinitionError.self) { try definition.validate() }

        let text = error.description
        for part in [
            "id \"bad id!\"", "event name \"*\"", "event name \"a*\"", "event name \"app/*/x\"", "must not be empty",
            "path \"post.id\", character 1", "maxRetries is 21", "timeouts: start must", "timeouts: finish must",
            "stepTimeout must", "outputLimit must",
        ] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
    }

    @Test("a key path that the cancelling event lacks, or that is no field, is a problem")
    func keyPathProblems() throws {
        let missing = Function("f", on: PostScheduled.self).cancelOn(Other.self, match: \.postID).run { _, _ in }
        let computed = Function("f", on: PostScheduled.self)
            .cancelOn(PostScheduled.self, match: \.postID.count).run { _, _ in }

        #expect(throws: DefinitionError.self) { try computed.validate() }
        let error = try #require(throws: DefinitionError.self) { try missing.validate() }
        #expect(error.description.contains("Other has no field data.postID"))
    }

    @Test(
        "ids of functions",
        arguments: [
            ("a", true), ("A1._-", true), ("9", true), ("", false), ("-a", false), ("a b", false), ("ä", false),
            (String(repeating: "x", count: 128), true), (String(repeating: "x", count: 129), false),
        ])
    func ids(id: String, isValid: Bool) {
        let definition = Function(id, on: PostScheduled.self).run { _, _ in }

        #expect(((try? definition.validate()) != nil) == isValid)
    }

    @Test("options are stored the same way every time and come back equal")
    func options() throws {
        var options = FunctionOptions()
        options.retries = RetryPolicy(
            maxRetries: 3, backoff: .exponential(initial: .seconds(1), factor: 3, maximum: .seconds(60)),
            jitter: .milliseconds(500))
        options.startTimeout = .seconds(5)
        options.finishTimeout = .seconds(90)

        let text = try options.canonicalJSON()

        #expect(try JSONCoding.value(FunctionOptions.self, from: text) == options)
        #expect(
            try JSONCoding.value(FunctionOptions.self, from: FunctionOptions().canonicalJSON()) == FunctionOptions())
        #expect(
            text == #"{"backoff":"exponential","factor":3,"finish_timeout_ms":90000,"initial_ms":1000,"jitter_ms":500,"#
                + #""max_retries":3,"maximum_ms":60000,"output_limit":4194304,"start_timeout_ms":5000}"#)
    }
}

extension Match {
    fileprivate static func paths(_ path: String, _ otherPath: String? = nil) throws -> Match {
        Match(try FieldPath(path), with: try FieldPath(otherPath ?? path))
    }
}
