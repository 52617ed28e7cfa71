internal import Foundation
internal import Hummingbird
internal import Nightjar

/// What each version of the API does to one run.
struct RunActions: Sendable {
    let services: ServerServices

    /// Reads a run; it is an error when there is none.
    func existing(_ id: UUID) async throws -> RunEntry {
        guard let run = try await services.reads.find({ db in try RunEntry.read(db, [id]).first }) else {
            throw Self.unknown(id)
        }
        return run
    }

    /// Reads a run as it is after what has just been done to it.
    func current(_ id: UUID) async throws -> RunEntry {
        guard let run = try await services.pool.withConnection({ db in try RunEntry.read(db, [id]).first }) else {
            throw Self.unknown(id)
        }
        return run
    }

    /// Cancels a run; who asks may give a reason in the query. False: it had ended before.
    func cancel(_ id: UUID, _ request: Request) async throws -> Bool {
        let reason = request.query("reason").map { String($0.prefix(1_000)) }
        switch try await services.client.cancel(id, actor: "API", reason: reason) {
        case .cancelled, .requested: return true
        case .ended: return false
        case .unknown: throw Self.unknown(id)
        }
    }

    /// Runs an ended run again.
    /// - Parameter name: what people call the step to begin with, or its key; nil: from the beginning.
    func rerun(_ id: UUID, from name: String?) async throws -> UUID {
        guard let name else { return try await services.client.rerun(id) }
        let keys = try await services.pool.withConnection { db in
            try db.query(Statement.apiStepKey.sql, [id, name]).map { try $0.decode(0, as: String.self) }
        }
        guard keys.count < 2 || keys.contains(name) else {
            throw RequestFailure(
                .badRequest, "invalid_request",
                "run \(ULID.text(id)) has \(keys.count) steps \"\(name)\"; say which by its id, as GET /v1/runs/{id}/steps has it"
            )
        }
        // One that has not ended is known by its key alone.
        let key = keys.contains(name) ? name : keys.first ?? name
        return try await services.client.rerun(id, keepingStepsBefore: key)
    }

    static func unknown(_ id: UUID) -> RequestFailure {
        RequestFailure(.notFound, "not_found", "there is no run \(ULID.text(id))")
    }
}
