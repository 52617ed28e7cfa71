import Foundation
import Nightjar

/// What latencies are to be compared with: the same machine's bare round trips.
struct LatencyReference: Sendable {
    let arena: BenchArena
    let count: Int

    func figures() async throws -> [(name: String, value: JSON)] {
        try Sample(fsyncs()).figures("fsync") + (try await Sample(commits())).figures("insert_and_commit")
            + (try await Sample(notifications())).figures("notify_to_received")
    }

    /// A page written and flushed where temporary servers keep theirs.
    private func fsyncs() throws -> [Double] {
        let url = FileManager.default.temporaryDirectory.appending(path: "nightjar-\(UUID().uuidString)")
        guard FileManager.default.createFile(atPath: url.path, contents: nil) else { return [] }
        defer { try? FileManager.default.removeItem(at: url) }
        let file = try FileHandle(forWritingTo: url)
        defer { try? file.close() }
        let page = Data(repeating: 1, count: 8_192)
        return try (0..<count).map { _ in
            let start = ContinuousClock.now
            try file.write(contentsOf: page)
            try file.synchronize()
            return (ContinuousClock.now - start).milliseconds
        }
    }

    private func commits() async throws -> [Double] {
        let session = PostgresSession(arena.database, logger: .quiet)
        let count = count
        let times = try await session.run { db in
            try db.script("CREATE TABLE public.inserts (n int)")
            return try (0..<count).map { n in
                let start = ContinuousClock.now
                try db.execute("INSERT INTO public.inserts VALUES ($1)", [n])
                return (ContinuousClock.now - start).milliseconds
            }
        }
        await session.close()
        return times
    }

    private func notifications() async throws -> [Double] {
        let session = PostgresSession(arena.database, logger: .quiet)
        var times: [Double] = []
        var start = ContinuousClock.now
        for await element in PostgresNotifications(arena.database, channels: ["bench"], logger: .quiet) {
            if case .notification = element { times.append((ContinuousClock.now - start).milliseconds) }
            if times.count == count { break }
            start = .now
            try await session.run { db in _ = try db.query("SELECT pg_notify('bench', '')") }
        }
        await session.close()
        return times
    }
}
