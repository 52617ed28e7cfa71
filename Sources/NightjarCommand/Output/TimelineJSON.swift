import Foundation
import Nightjar

// What scripts read of one run; see RecordJSON.swift.

extension CancelPolicyRecord {
    var json: JSON {
        [
            "id": .integer(Int64(id)), "event": .string(event), "match": JSON(text: match),
            "trigger_path": .array(triggerPath.map { .string($0) }),
            "event_path": .array(eventPath.map { .string($0) }),
            "timeout_seconds": timeout.map { .number($0 / .seconds(1)) } ?? .null, "until": JSON(time: until),
            "listens_until": JSON(time: listensUntil), "warning": JSON(text: warning),
        ]
    }
}

extension CancelCandidate {
    var json: JSON {
        [
            "id": .string(runID.text), "app": .string(app), "function": .string(function),
            "status": .string(status.rawValue), "policy_id": .integer(Int64(policyID)), "policy": JSON(text: policy),
        ]
    }
}

extension OpenStepRecord {
    var json: JSON {
        var json: [String: JSON] = [
            "step": .string(step), "started_at": JSON(time: startedAt), "due_at": JSON(time: dueAt),
            "arrived_at": JSON(time: arrivedAt),
        ]
        switch awaited {
        case .event(let name, let match, let looksBack):
            json["kind"] = "wait_for_event"
            json["event"] = .string(name)
            json["match"] = JSON(text: match)
            json["looks_back"] = .bool(looksBack)
        case .end(let app, let function, let run, let status, let cancelsWithParent):
            json["kind"] = "invoke"
            json["app"] = .string(app)
            json["function"] = .string(function)
            json["run_id"] = JSON(text: run?.text)
            json["status"] = JSON(text: status?.rawValue)
            json["cancels_with_parent"] = .bool(cancelsWithParent)
        }
        return .object(json)
    }
}

extension InterruptionRecord {
    var json: JSON {
        [
            "worker": .string(worker), "steps": .array(steps.map { .string($0) }), "at": JSON(time: at),
            "told_at": JSON(time: toldAt), "ended_at": JSON(time: endedAt), "worker_is_gone": .bool(workerIsGone),
        ]
    }
}

extension RunTimeline {
    var json: JSON {
        let lease: JSON =
            self.lease.map { lease in
                [
                    "epoch": .integer(Int64(lease.epoch)), "deaths": .integer(Int64(lease.deaths)),
                    "worker": JSON(text: lease.worker), "worker_is_dead": .bool(lease.isDead),
                ]
            } ?? .null
        return [
            "run": run.json, "event": event?.json ?? .null, "steps": .array(steps.map(\.json)),
            "open_steps": .array(openSteps.map(\.json)), "cancelled_by": cancellingEvent?.json ?? .null,
            "policy": policy?.json ?? .null, "interruption": interruption?.json ?? .null,
            "policies": .array(policies.map(\.json)), "lease": lease,
            "reruns": .array(reruns.map { .string($0.text) }),
        ]
    }
}
