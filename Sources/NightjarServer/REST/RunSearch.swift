internal import Foundation
internal import Hummingbird
internal import Nightjar

/// A search among runs, page by page, the newest first.
///
/// One request examines a bounded number of runs, so a page may be short, or empty, and yet not the last one: what tells is
/// whether there is a cursor.
struct RunSearch: Sendable {
    /// Any of these functions; nil: any.
    var functions: [FunctionEntry]?
    /// Any of these, in the words of `api_find_runs.sql`; empty: any.
    var statuses: Set<String> = []
    /// When it was created, when it began, and when it ended.
    var created: (from: Date?, until: Date?)
    var started: (from: Date?, until: Date?)
    var ended: (from: Date?, until: Date?)
    /// A condition on the event that started it.
    var expression: String?
    /// The run after which the page begins.
    var cursor: UUID?
    var limit = 20

    /// How many runs a request examines at most.
    static let examined = 5_000
    private static let unfinished: Set<String> = [
        "queued", "executing", "sleeping", "retrying", "delayed", "waiting", "invoking", "scheduled", "running",
    ]
    private static let first = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    private static let last = UUID(
        uuid: (255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255))

    /// Finds a page of runs, and where the next one begins, if there may be one.
    func page(_ services: ServerServices) async throws -> (runs: [RunEntry], cursor: UUID?) {
        let condition = try expression.flatMap { try RunFilter(expression: $0).condition() }
        // A snapshot for all: no run ends between one list and the other.
        return try await services.reads.snapshot { db in
            try page(db, condition)
        }
    }

    private func page(_ db: PostgresConnection, _ condition: PostgresJSON?) throws -> ([RunEntry], UUID?) {
        let floor = created.from.map(Self.floor) ?? Self.first
        var ceiling = created.until.map(Self.floor) ?? Self.last
        if let cursor { ceiling = min(ceiling, cursor) }
        let isLive =
            !statuses.isEmpty && statuses.isSubset(of: Self.unfinished) && ended.from == nil && ended.until == nil
        var parameters: [any PostgresEncodable] = [
            ceiling, floor, Self.examined, functions?.map(\.id), statuses.isEmpty ? [String]?.none : statuses.sorted(),
            condition, started.from, started.until,
        ]
        if !isLive { parameters += [ended.from, ended.until] as [any PostgresEncodable] }
        parameters.append(limit + 1)
        let ids = try db.query((isLive ? Statement.apiFindLiveRuns : .apiFindRuns).sql, parameters).map {
            try $0.decode(0, as: UUID.self)
        }
        let runs = try RunEntry.read(db, Array(ids.prefix(limit)))
        if ids.count > limit { return (runs, ids[limit - 1]) }
        let reached = try db.query(Statement.apiExaminedRun.sql, [ceiling, floor, Self.examined, isLive])
        return (runs, try reached.first?.decode(0))
    }

    /// The lowest id of an instant.
    static func floor(_ date: Date) -> UUID {
        let milliseconds = UInt64(min(max(0, date.timeIntervalSince1970 * 1_000), 281_474_976_710_655))
        var bytes = first.uuid
        withUnsafeMutableBytes(of: &bytes) { bytes in
            for index in 0..<6 { bytes[index] = UInt8(truncatingIfNeeded: milliseconds >> (8 * (5 - UInt64(index)))) }
        }
        return UUID(uuid: bytes)
    }

    /// Reads a word for how a run stands: version 1's, version 2's, or what an unfinished run is doing.
    static func status(_ word: String) throws -> String {
        let word = word.lowercased()
        let words: Set<String> = [
            "scheduled", "running", "completed", "failed", "cancelled", "queued", "sleeping", "retrying", "waiting",
            "invoking",
        ]
        guard words.contains(word) else {
            throw RequestFailure(
                .badRequest, "invalid_field_format",
                "\"\(word)\" is no status; there are Scheduled, Running, Completed, Failed and Cancelled, and of unfinished "
                    + "runs queued, sleeping, retrying, waiting and invoking")
        }
        return word
    }
}
