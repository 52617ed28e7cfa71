import Foundation
import Nightjar

// What scripts read: the keys are a promise, so they are written out here rather than derived from the types' names.

extension JSON {
    init(time: Date?) {
        self = time.map { .string(Timestamp.text(of: $0)) } ?? .null
    }

    init(text: String?) {
        self = text.map { .string($0) } ?? .null
    }

    /// On one line, with its keys in order.
    var line: String {
        let encoder = JSONCoding.encoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
    }
}

extension EventRecord {
    var json: JSON {
        [
            "id": .string(publicID), "event_id": .string(eventID.text), "name": .string(name), "data": data,
            "user": user ?? .null, "ts": JSON(time: timestamp), "received_at": JSON(time: receivedAt),
        ]
    }
}

extension RunError {
    var json: JSON {
        [
            "name": .string(name), "message": .string(message), "code": JSON(text: code),
            "stack": JSON(text: stack),
        ]
    }
}

extension RunRecord {
    var json: JSON {
        [
            "id": .string(id.text), "app": .string(app), "function": .string(function),
            "status": .string(status.rawValue),
            "event_id": .string(eventID.text), "created_at": JSON(time: createdAt), "started_at": JSON(time: startedAt),
            "ended_at": JSON(time: endedAt), "due_at": JSON(time: dueAt), "output": output ?? .null,
            "error": error?.json ?? .null, "cause": cause?.json ?? .null, "expires_at": JSON(time: expiresAt),
            "rerun_of": JSON(text: rerunOf?.text), "parent_run_id": JSON(text: parentRunID?.text),
            "parent_step": JSON(text: parentStep),
        ]
    }
}

extension Outcome.Cancellation {
    var json: JSON {
        [
            "kind": .string(kind.rawValue), "event_id": JSON(text: eventID?.text), "event_name": JSON(text: eventName),
            "policy_id": policyID.map { .integer(Int64($0)) } ?? .null, "policy": JSON(text: policy),
            "timeout": JSON(text: timeout?.rawValue), "parent": JSON(text: parent?.text), "bulk_id": JSON(text: bulkID),
            "actor": JSON(text: actor), "reason": JSON(text: reason), "asked_at": JSON(time: askedAt),
            "applied_at": JSON(time: appliedAt), "was": JSON(text: was), "session": JSON(text: session?.text),
            "executing": .array(executing.map { .string($0) }), "open": .array(open.map { .string($0) }),
        ]
    }
}

extension StepRecord {
    var json: JSON {
        [
            "step": .string(step), "kind": .string(kind.rawValue), "failed": .bool(failed),
            "attempt": .integer(Int64(attempt)), "output": output ?? .null, "error": error?.json ?? .null,
            "due_at": JSON(time: dueAt), "started_at": JSON(time: startedAt), "ended_at": JSON(time: endedAt),
        ]
    }
}
