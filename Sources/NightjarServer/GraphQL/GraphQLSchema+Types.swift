internal import Foundation
internal import Nightjar
internal import NightjarCore

extension GraphQLSchema {
    var event: [String: GraphQLField] {
        [
            "id": .init(EventWithRuns.self) { event, _ in .ulid(event.event.eventID) },
            "externalID": .init(EventWithRuns.self) { event, _ in .text(event.event.id) },
            "name": .init(EventWithRuns.self) { event, _ in .text(event.event.name) },
            "createdAt": .init(EventWithRuns.self) { event, _ in .date(event.event.receivedAt) },
            "payload": .init(EventWithRuns.self) { event, _ in .text(event.event.data) },
            "raw": .init(EventWithRuns.self) { event, _ in .text(event.event.body.text) },
            "status": .init(EventWithRuns.self) { event, _ in
                .text(
                    event.runs.isEmpty
                        ? "NO_FUNCTIONS" : event.runs.allSatisfy(\.status.isEnd) ? "COMPLETED" : "RUNNING")
            },
            "pendingRuns": .init(EventWithRuns.self) { event, _ in
                .scalar(.integer(Int64(event.runs.count { !$0.status.isEnd })))
            },
            "totalRuns": .init(EventWithRuns.self) { event, _ in .scalar(.integer(Int64(event.runs.count))) },
            "functionRuns": .init(EventWithRuns.self, type: "FunctionRun") { event, _ in
                .list(event.runs.map { .object($0) })
            },
        ]
    }

    var streamItem: [String: GraphQLField] {
        [
            "id": .init(EventWithRuns.self) { event, _ in .ulid(event.event.eventID) },
            "trigger": .init(EventWithRuns.self) { event, _ in .text(event.event.name) },
            "type": .init(EventWithRuns.self) { _, _ in .text("EVENT") },
            "createdAt": .init(EventWithRuns.self) { event, _ in .date(event.event.receivedAt) },
            "inBatch": .init(EventWithRuns.self) { _, _ in .scalar(false) },
            "runs": .init(EventWithRuns.self, type: "FunctionRun") { event, _ in .list(event.runs.map { .object($0) })
            },
        ]
    }

    var run: [String: GraphQLField] {
        [
            "id": .init(RunEntry.self) { run, _ in .ulid(run.id) },
            "status": .init(RunEntry.self) { run, _ in .text(run.status.upper) },
            "output": .init(RunEntry.self) { run, _ in .text(run.result) },
            "queuedAt": .init(RunEntry.self) { run, _ in .date(run.createdAt) },
            "startedAt": .init(RunEntry.self) { run, _ in .date(run.startedAt) },
            "endedAt": .init(RunEntry.self) { run, _ in .date(run.endedAt) },
            "finishedAt": .init(RunEntry.self) { run, _ in .date(run.endedAt) },
            "functionID": .init(RunEntry.self) { run, _ in .scalar(.uuid(run.functionUUID)) },
            "appName": .init(RunEntry.self) { run, _ in .text(run.app) },
            "eventID": .init(RunEntry.self) { run, _ in .ulid(run.eventID) },
            "triggerIDs": .init(RunEntry.self) { run, _ in .scalar(.array(run.eventIDs.map { .ulid($0) })) },
            "traceID": .init(RunEntry.self) { run, _ in .text(TraceSpan(run, []).traceID) },
            "isBatch": .init(RunEntry.self) { run, _ in .scalar(.bool(!run.batch.isEmpty)) },
            "cronSchedule": .init(RunEntry.self) { _, _ in .null },
            "function": .init(RunEntry.self, type: "Function") { run, _ in .object(RunFunction(run: run)) },
            "trace": .init(RunEntry.self, arguments: ["preview"], type: "RunTraceSpan") { run, _ in
                let entries = try await services.reads.withConnection { db in try StepEntry.read(db, of: [run.id]) }
                return .object(TraceSpan(run, entries))
            },
        ]
    }

    var function: [String: GraphQLField] {
        [
            "id": .init((any GraphQLFunction).self) { function, _ in .scalar(.uuid(function.uuid)) },
            "name": .init((any GraphQLFunction).self) { function, _ in .text(function.name) },
            "slug": .init((any GraphQLFunction).self) { function, _ in .text(function.slug) },
            "config": .init((any GraphQLFunction).self) { function, _ in .text(function.config) },
        ]
    }

    var app: [String: GraphQLField] {
        [
            "id": .init(FunctionEntry.self) { function, _ in .scalar(.uuid(function.appUUID)) },
            "name": .init(FunctionEntry.self) { function, _ in .text(function.app) },
            "externalID": .init(FunctionEntry.self) { function, _ in .text(function.app) },
        ]
    }

    var span: [String: GraphQLField] {
        [
            "name": .init(TraceSpan.self) { span, _ in .text(span.name) },
            "status": .init(TraceSpan.self) { span, _ in .text(span.status) },
            "attempts": .init(TraceSpan.self) { span, _ in .scalar(.integer(Int64(span.attempts))) },
            "outputID": .init(TraceSpan.self) { span, _ in .text(span.outputID?.text) },
            "stepID": .init(TraceSpan.self) { span, _ in .text(span.stepID) },
            "stepOp": .init(TraceSpan.self) { span, _ in .text(span.stepOperation) },
            "stepType": .init(TraceSpan.self) { span, _ in .text(span.stepType ?? span.stepOperation) },
            "spanID": .init(TraceSpan.self) { span, _ in .text(span.id) },
            "traceID": .init(TraceSpan.self) { span, _ in .text(span.traceID) },
            "runID": .init(TraceSpan.self) { span, _ in .ulid(span.run.id) },
            "isRoot": .init(TraceSpan.self) { span, _ in .scalar(.bool(span.isRoot)) },
            "isUserland": .init(TraceSpan.self) { _, _ in .scalar(false) },
            "queuedAt": .init(TraceSpan.self) { span, _ in .date(span.queuedAt) },
            "startedAt": .init(TraceSpan.self) { span, _ in .date(span.startedAt) },
            "endedAt": .init(TraceSpan.self) { span, _ in .date(span.endedAt) },
            "duration": .init(TraceSpan.self) { span, _ in
                guard let start = span.startedAt, let end = span.endedAt else { return .null }
                return .scalar(.integer(Int64(max(0, end.timeIntervalSince(start) * 1_000))))
            },
            "metadata": .init(TraceSpan.self, type: "SpanMetadata") { _, _ in .list([]) },
            "childrenSpans": .init(TraceSpan.self, type: "RunTraceSpan") { span, _ in
                .list(span.children.map { .object($0) })
            },
        ]
    }

    /// Apps attach none here.
    var metadata: [String: GraphQLField] {
        Dictionary(
            uniqueKeysWithValues: ["scope", "kind", "values", "updatedAt"].map { name in
                (name, GraphQLField(TraceSpan.self) { _, _ in .null })
            })
    }

    var output: [String: GraphQLField] {
        [
            "data": .init(SpanOutput.self) { output, _ in .text(output.error == nil ? output.data : nil) },
            "input": .init(SpanOutput.self) { _, _ in .null },
            "error": .init(SpanOutput.self, type: "StepError") { output, _ in
                output.error.map { .object(StepFailure(text: $0)) } ?? .null
            },
        ]
    }

    var error: [String: GraphQLField] {
        [
            "message": .init(StepFailure.self) { error, _ in .text(error["message"]?.string ?? error.text) },
            "name": .init(StepFailure.self) { error, _ in .text(error["name"]?.string) },
            "stack": .init(StepFailure.self) { error, _ in .text(error["stack"]?.string) },
            "cause": .init(StepFailure.self) { error, _ in .text(error.json("cause")) },
            "data": .init(StepFailure.self) { error, _ in .text(error.json("data")) },
        ]
    }

    var trigger: [String: GraphQLField] {
        [
            "IDs": .init(RunTrigger.self) { trigger, _ in .scalar(.array(trigger.events.map { .ulid($0.eventID) })) },
            "payloads": .init(RunTrigger.self) { trigger, _ in
                .scalar(.array(trigger.events.map { .string($0.body.text) }))
            },
            "eventName": .init(RunTrigger.self) { trigger, _ in .text(trigger.events.first?.name) },
            "timestamp": .init(RunTrigger.self) { trigger, _ in .date(trigger.events.first?.receivedAt) },
            "isBatch": .init(RunTrigger.self) { trigger, _ in .scalar(.bool(!trigger.run.batch.isEmpty)) },
            "batchID": .init(RunTrigger.self) { _, _ in .null },
            "cron": .init(RunTrigger.self) { _, _ in .null },
        ]
    }
}
