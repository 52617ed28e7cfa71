internal import Foundation
internal import Nightjar
internal import NightjarCore

/// The part of the reference's schema that the SDKs' own tests ask, by type and field.
struct GraphQLSchema: Sendable {
    let services: ServerServices

    var types: [String: GraphQLType] {
        [
            "Query": GraphQLType(fields: query), "Mutation": GraphQLType(fields: mutation),
            "Event": GraphQLType(fields: event), "FunctionEvent": GraphQLType(fields: event),
            "StreamItem": GraphQLType(fields: streamItem), "FunctionRun": GraphQLType(fields: run),
            "FunctionRunV2": GraphQLType(fields: run), "Function": GraphQLType(fields: function),
            "App": GraphQLType(fields: app), "RunTraceSpan": GraphQLType(fields: span),
            "SpanMetadata": GraphQLType(fields: metadata), "RunTraceSpanOutput": GraphQLType(fields: output),
            "StepError": GraphQLType(fields: error), "RunTraceTrigger": GraphQLType(fields: trigger),
        ]
    }

    // MARK: - What can be asked

    private var query: [String: GraphQLField] {
        [
            "event": .init(GraphQLRoot.self, arguments: ["query"], type: "Event") { _, arguments in
                let id = try id(arguments["query"]?["eventId"], of: "event")
                let events = try await events([id])
                guard let event = events.first else {
                    throw GraphQLError("there is no event \(ULID.text(id))", code: "not_found")
                }
                return .object(event)
            },
            "events": .init(GraphQLRoot.self, arguments: ["query"], type: "Event") { _, arguments in
                let name = arguments["query"]?["name"]?.string
                return .list(try await latest(name: name, limit: 100, isInternal: true).map { .object($0) })
            },
            "stream": .init(GraphQLRoot.self, arguments: ["query"], type: "StreamItem") { _, arguments in
                let query = arguments["query"]
                let limit = min(max(query?["limit"]?.integer ?? 50, 1), 1_000)
                let isInternal = query?["includeInternalEvents"]?.bool ?? true
                return .list(try await latest(name: nil, limit: Int(limit), isInternal: isInternal).map { .object($0) })
            },
            "run": .init(GraphQLRoot.self, arguments: ["runID"], type: "FunctionRunV2") { _, arguments in
                .object(try await run(arguments["runID"]))
            },
            "functionRun": .init(GraphQLRoot.self, arguments: ["query"], type: "FunctionRun") { _, arguments in
                .object(try await run(arguments["query"]?["functionRunId"]))
            },
            "runTrace": .init(GraphQLRoot.self, arguments: ["runID"], type: "RunTraceSpan") { _, arguments in
                .object(try await trace(run(arguments["runID"])))
            },
            "runTraceSpanOutputByID": .init(GraphQLRoot.self, arguments: ["outputID"], type: "RunTraceSpanOutput") {
                _, arguments in
                guard let id = TraceOutputID(text: arguments["outputID"]?.string ?? "") else {
                    throw GraphQLError("outputID is none that this server gave", code: "bad_request")
                }
                return .object(try await SpanOutput.read(id, services))
            },
            "runTrigger": .init(GraphQLRoot.self, arguments: ["runID"], type: "RunTraceTrigger") { _, arguments in
                let run = try await run(arguments["runID"])
                return .object(RunTrigger(run: run, events: try await events(run.eventIDs).map(\.event)))
            },
            "functions": .init(GraphQLRoot.self, type: "Function") { _, _ in
                let all = try await services.reads.withConnection { db in try FunctionEntry.named(db) }
                return .list(all.filter { $0.archivedAt == nil }.map { .object($0) })
            },
            "apps": .init(GraphQLRoot.self, arguments: ["filter"], type: "App") { _, _ in
                let all = try await services.reads.withConnection { db in try FunctionEntry.named(db) }
                return .list(
                    Dictionary(grouping: all, by: \.app).sorted { $0.key < $1.key }.map { .object($0.value[0]) })
            },
        ]
    }

    private var mutation: [String: GraphQLField] {
        [
            "cancelRun": .init(GraphQLRoot.self, arguments: ["runID"], type: "FunctionRun") { _, arguments in
                let run = try await run(arguments["runID"])
                guard try await services.client.cancel(run.id, actor: "API") != .ended else {
                    throw GraphQLError("cannot cancel an ended run", code: "conflict")
                }
                return .object(try await RunActions(services: services).current(run.id))
            },
            "rerun": .init(GraphQLRoot.self, arguments: ["runID", "fromStep"]) { _, arguments in
                let run = try await run(arguments["runID"])
                let step = arguments["fromStep"]?["stepID"]?.string
                return .ulid(try await RunActions(services: services).rerun(run.id, from: step))
            },
        ]
    }

    private func id(_ value: JSON?, of what: String) throws -> UUID {
        guard let text = value?.string, let id = ULID.id(text) else {
            throw GraphQLError("the id of a \(what) must be a ULID", code: "bad_request")
        }
        return id
    }

    private func run(_ value: JSON?) async throws -> RunEntry {
        try await RunActions(services: services).existing(id(value, of: "run"))
    }

    private func trace(_ run: RunEntry) async throws -> TraceSpan {
        TraceSpan(run, try await services.reads.withConnection { db in try StepEntry.read(db, of: [run.id]) })
    }

    /// Events with their runs: two questions for all of them.
    private func events(_ ids: [UUID]) async throws -> [EventWithRuns] {
        try await services.reads.withConnection { db in try EventWithRuns.read(db, EventEntry.read(db, ids)) }
    }

    private func latest(name: String?, limit: Int, isInternal: Bool) async throws -> [EventWithRuns] {
        let now = Date()
        let day = now.addingTimeInterval(-86_400)
        return try await services.reads.withConnection { db in
            let events = try db.query(
                Statement.apiEvents.sql,
                [
                    RunSearch.floor(now.addingTimeInterval(3_600)), RunSearch.floor(day), name, Date?.none, Date?.none,
                    limit, isInternal,
                ]
            ).map(EventEntry.init)
            return try EventWithRuns.read(db, events)
        }
    }
}
