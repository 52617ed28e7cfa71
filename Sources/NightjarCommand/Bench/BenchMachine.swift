import Foundation
import Nightjar

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What the figures of a run depend on: hardware, system, server and build.
struct BenchMachine: Sendable {
    /// Keys of `--json` that stay; null where the system does not tell.
    let facts: [(String, JSON)]

    static var isDebugBuild: Bool {
        #if DEBUG
            true
        #else
            false
        #endif
    }

    /// Looks at the machine and at the server, which works for some milliseconds.
    static func describe(_ database: PostgresConfiguration) async throws -> BenchMachine {
        let memory = Double(ProcessInfo.processInfo.physicalMemory) / 1_073_741_824
        let own: [(String, JSON)] = [
            ("cores", .integer(Int64(ProcessInfo.processInfo.activeProcessorCount))),
            ("processor", processor), ("memory_gigabytes", .number(rounded(memory))), ("system", system),
            ("build", .string(isDebugBuild ? "debug" : "release")),
            // There are no releases yet: the schema is what changes with the engine.
            ("nightjar", .string("schema \(Migration.all.last?.version ?? 0)")),
            ("load_at_start", load), ("fsync_ms", fsyncMilliseconds.map { .number(rounded($0)) } ?? .null),
        ]
        return BenchMachine(facts: own + (try await server(database)))
    }

    /// How many processes wanted to run lately, without those that we measure: on a shared machine others are noise.
    static var load: JSON {
        var loads = [Double](repeating: 0, count: 3)
        return getloadavg(&loads, 3) == 3 ? .number(rounded(loads[0])) : .null
    }

    private static func server(_ database: PostgresConfiguration) async throws -> [(String, JSON)] {
        let settings = [
            "server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size",
            "checkpoint_timeout", "wal_sync_method", "jit", "autovacuum", "max_connections",
        ]
        let session = PostgresSession(database, logger: .quiet)
        let found: [(String, JSON)] = try await session.run { db in
            var found = try settings.map {
                ($0, JSON.string(try db.query("SELECT current_setting($1)", [$0])[0].decode(0, as: String.self)))
            }
            try db.script("CREATE TABLE IF NOT EXISTS public.commits (n int)")
            let times = try (0..<200).map { n in
                let start = ContinuousClock.now
                try db.execute("INSERT INTO public.commits VALUES ($1)", [n])
                return (ContinuousClock.now - start).milliseconds
            }
            try db.script("DROP TABLE public.commits")
            found.append(("commit_ms", median(times).map { .number(rounded($0)) } ?? .null))
            return found
        }
        await session.close()
        return found
    }

    /// The median of writing a page and forcing it to the disk that has the temporary files: a temporary server's too.
    private static var fsyncMilliseconds: Double? {
        let path = FileManager.default.temporaryDirectory.appending(path: "nightjar-\(UUID().uuidString)").path
        let file = open(path, O_RDWR | O_CREAT, 0o600)
        guard file >= 0 else { return nil }
        defer {
            close(file)
            unlink(path)
        }
        let page = [UInt8](repeating: 1, count: 8_192)
        let times = (0..<100).map { _ in
            let start = ContinuousClock.now
            pwrite(file, page, page.count, 0)
            fsync(file)
            return (ContinuousClock.now - start).milliseconds
        }
        return median(times)
    }

    private static var processor: JSON {
        guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return .null }
        for line in text.split(separator: "\n") where line.hasPrefix("model name") {
            guard let name = line.split(separator: ":", maxSplits: 1).last else { continue }
            return .string(name.trimmingCharacters(in: .whitespaces))
        }
        return .null
    }

    private static var system: JSON {
        let kernel = (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)) ?? ""
        return .string(
            "\(ProcessInfo.processInfo.operatingSystemVersionString) \(kernel)".trimmingCharacters(
                in: .whitespacesAndNewlines))
    }
}
