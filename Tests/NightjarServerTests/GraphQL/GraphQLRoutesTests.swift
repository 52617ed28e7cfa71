import Foundation
import Nightjar
import Testing

@testable import NightjarServer

/// The queries that the SDKs' own tests make.
@Suite("GraphQL", .timeLimit(.minutes(5)))
struct GraphQLRoutesTests {
    @Test("From an event to its runs, to their status and output, as Python's test helpers ask")
    func python() async throws {
        try await APIServer.with { server in
            let event = try await server.send("api/echo", ["key": "k"])
            let runs = try await server.graphQL("{ event(query: {eventId: \"\(event)\"}) { functionRuns { id } } }")
            let run = try #require(runs["data"]?["event"]?["functionRuns"]?[0]?["id"]?.string)
            try await server.run(run, isStatus: "Completed")

            let asked = try await server.graphQL(
                "query GetRun($run_id: ULID!) { run(runID: $run_id) { output status } }", ["run_id": .string(run)])
            #expect(asked["data"]?["run"]?["status"]?.string == "COMPLETED")
            let output = try #require(asked["data"]?["run"]?["output"]?.string)
            #expect(try JSONCoding.value(JSON.self, from: output) == ["key": "k"])

            let trace = try await server.graphQL(
                "query { run(runID: \"\(run)\") { trace { childrenSpans { name outputID } } } }")
            let spans = trace["data"]?["run"]?["trace"]?["childrenSpans"]?.array ?? []
            #expect(spans.map { $0["name"]?.string } == ["look", "Finalization"])
            let outputID = try #require(spans.first?["outputID"]?.string)
            let step = try await server.graphQL(
                """
                query Output { runTraceSpanOutputByID(outputID: "\(outputID)") { data error { message name stack } } }
                """)
            #expect(step["data"]?["runTraceSpanOutputByID"] == ["data": "\"k\"", "error": nil])

            let trigger = try await server.graphQL("{ runTrigger(runID: \"\(run)\") { payloads } }")
            let payload = try #require(trigger["data"]?["runTrigger"]?["payloads"]?[0]?.string)
            let body = try JSONCoding.value(JSON.self, from: payload)
            #expect(body["name"]?.string == "api/echo")
            #expect(body["data"] == ["key": "k"])
            #expect(body["id"]?.string == event)
            #expect(body["ts"]?.integer != nil)
        }
    }

    @Test("A failed run tells its error, and the spans of its steps their attempts")
    func failed() async throws {
        try await APIServer.with { server in
            let run = try await server.start("api/fail")
            try await server.run(run, isStatus: "Failed")
            let answer = try await server.graphQL(
                """
                query Trace($id: ULID!) {
                  run(runID: $id) {
                    status output
                    trace(preview: true) { ...Span childrenSpans { ...Span childrenSpans { ...Span } } }
                  }
                }
                fragment Span on RunTraceSpan { name stepType stepOp attempts outputID status spanID stepID }
                """, ["id": .string(run)])
            let data = answer["data"]?["run"]
            #expect(data?["status"]?.string == "FAILED")
            let error = try JSONCoding.value(JSON.self, from: try #require(data?["output"]?.string))
            #expect(error["message"]?.string?.contains("it went wrong") == true)
            let spans = data?["trace"]?["childrenSpans"]?.array ?? []
            #expect(spans.map { $0["name"]?.string } == ["flaky", "boom", "Finalization"])
            #expect(spans.map { $0["status"]?.string } == ["COMPLETED", "FAILED", "FAILED"])
            #expect(spans[0]["attempts"]?.integer == 2)
            let attempts = spans[0]["childrenSpans"]?.array ?? []
            #expect(attempts.map { $0["name"]?.string } == ["Attempt 0", "Attempt 1"])
            #expect(attempts.map { $0["status"]?.string } == ["FAILED", "COMPLETED"])
            for span in [attempts[0], spans[1]] {
                let output = try await server.graphQL(
                    "query($id: String!) { runTraceSpanOutputByID(outputID: $id) { data error { message name stack cause } } }",
                    ["id": span["outputID"] ?? nil])
                let error = output["data"]?["runTraceSpanOutputByID"]?["error"]
                #expect(error?["message"]?.string?.contains("it went wrong") == true)
                #expect(error?["name"]?.string == "Boom")
                #expect(output["data"]?["runTraceSpanOutputByID"]?["data"] == JSON.null)
            }
            let ids = Set((spans + attempts).compactMap { $0["spanID"]?.string })
            #expect(ids.count == 5, "each span has an id of its own")
        }
    }

    @Test("What waits, sleeps or is cancelled is seen in its status", arguments: ["api/nap", "api/wait"])
    func states(event: String) async throws {
        try await APIServer.with { server in
            let run = try await server.start(event)
            try await server.run(run, "is parked") { ["sleeping", "waiting"].contains($0["state"]?.string ?? "") }
            let query = "{ run(runID: \"\(run)\") { status endedAt trace { childrenSpans { name status stepOp } } } }"
            let parked = try await server.graphQL(query)["data"]?["run"]
            #expect(parked?["status"]?.string == "RUNNING")
            #expect(parked?["endedAt"] == JSON.null)
            let cancelled = try await server.graphQL("mutation { cancelRun(runID: \"\(run)\") { id } }")
            #expect(cancelled["data"]?["cancelRun"]?["id"]?.string == run)
            try await server.run(run, isStatus: "Cancelled")
            let ended = try await server.graphQL(query)["data"]?["run"]
            #expect(ended?["status"]?.string == "CANCELLED")
            let again = try await server.graphQL("mutation { cancelRun(runID: \"\(run)\") { id } }")
            #expect(again["errors"]?[0]?["message"]?.string?.contains("ended") == true)
        }
    }

    @Test("The events and the stream of the JavaScript SDK's helpers")
    func javascript() async throws {
        try await APIServer.with { server in
            let event = try await server.send("api/echo", ["key": "k"])
            let events = try await server.graphQL(
                "query ($q: EventsQuery!) { events(query: $q) { id name payload } }", ["q": [:]])
            let first = events["data"]?["events"]?[0]
            #expect(first?["id"]?.string == event)
            #expect(first?["name"]?.string == "api/echo")
            #expect(try JSONCoding.value(JSON.self, from: first?["payload"]?.string ?? "") == ["key": "k"])
            let stream = try await server.graphQL(
                "{ stream(query: {limit: 999, includeInternalEvents: false}) { id trigger runs { id function { name slug } } } }"
            )
            let item = stream["data"]?["stream"]?[0]
            #expect(item?["trigger"]?.string == "api/echo")
            #expect(item?["runs"]?[0]?["function"] == ["name": "echo", "slug": "shop-echo"])
            let functions = try await server.graphQL("{ functions { slug } }")["data"]?["functions"]?.array
            #expect(functions?.count == APIFunctions.all.count)
        }
    }

    @Test("The harness's question for a run with all of its spans")
    func harness() async throws {
        try await APIServer.with { server in
            let run = try await server.start("api/echo")
            try await server.run(run, isStatus: "Completed")
            let answer = try await server.graphQL(
                """
                query Run($runID: String!) { alias: run(runID: $runID) { __typename status trace(preview: true) {
                  status outputID name stepID spanID metadata { scope kind values updatedAt }
                  childrenSpans { status outputID name stepID spanID metadata { scope kind values updatedAt } } } } }
                """, ["runID": .string(run)])
            #expect(answer["errors"] == nil)
            #expect(answer["data"]?["alias"]?["__typename"]?.string == "FunctionRunV2")
            #expect(answer["data"]?["alias"]?["trace"]?["metadata"] == [])
            #expect(answer["data"]?["alias"]?["trace"]?["childrenSpans"]?[0]?["stepID"]?.string == "look")
        }
    }

    @Test("Errors are told as GraphQL tells them")
    func errors() async throws {
        try await APIServer.with([]) { server in
            let unknown = ULID.text(UUID())
            for (query, words) in [
                ("{ run(runID: \"\(unknown)\") { id } }", "there is no run"), ("{ run(runID: \"x\") { id } }", "ULID"),
                ("{ event(query: {eventId: \"\(unknown)\"}) { id } }", "there is no event"),
                ("{ nothing }", "nothing"), ("{ run(runID: \"\(unknown)\") { nothing } }", "nothing"),
                ("{ run(runID: \"\(unknown)\") }", "selection"), ("{ run(other: 1) { id } }", "other"),
                ("{ functions { slug { x } } }", "selection"), ("{ ...Missing }", "Missing"),
                ("{ ...A } fragment A on Query { ...A }", "itself"), ("subscription { a }", "subscription"),
                ("query A { functions { id } } query B { functions { id } }", "several"), ("{", "line 1"),
                ("query ($id: ULID!) { run(runID: $id) { id } }", "$id"),
                ("{ runTraceSpanOutputByID(outputID: \"x\") { data } }", "outputID"),
                ("{ functions @unknown { id } }", "unknown"),
            ] {
                let answer = try await server.graphQL(query)
                let message = answer["errors"]?[0]?["message"]?.string ?? ""
                #expect(message.contains(words), "\(query): \(message)")
            }
            let partial = try await server.graphQL("{ a: functions { id } b: run(runID: \"\(unknown)\") { id } }")
            #expect(partial["data"] == ["a": [], "b": nil])
            #expect(partial["errors"]?[0]?["path"] == ["b"])
            for body in ["", "{", "[]", "{}", #"{"query": 1}"#] {
                let answer = try await server.request("POST", "/v0/gql", body: body)
                #expect(answer.status == 400, "\(body)")
            }
        }
    }

    @Test("Fragments that multiply are stopped")
    func multiplied() async throws {
        try await APIServer.with([]) { server in
            var query = "{ ...F0 } "
            for level in 0..<60 { query += "fragment F\(level) on Query { ...F\(level + 1) ...F\(level + 1) } " }
            query += "fragment F60 on Query { functions { id } }"
            let answer = try await server.graphQL(query)
            #expect(answer["errors"]?[0]?["message"]?.string?.contains("too much") == true)
        }
    }
}
