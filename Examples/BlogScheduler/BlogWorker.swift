import Foundation
import Logging
import Nightjar

/// A worker process of the example: everything that a worker of your own needs, and a little of the demo's.
enum BlogWorker {
    static let app = "blog-scheduler"

    static func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let database = try PostgresConfiguration(url: environment["NIGHTJAR_DATABASE_URL"] ?? "")
        let narrator = Narrator(
            start: Double(environment["BLOG_START"] ?? "") ?? Date().timeIntervalSince1970,
            speaker: environment["BLOG_WORKER"] ?? "worker")
        endWithParent()

        let pool = PostgresPool(database, logger: Logger(label: "blog"))
        let blog = Blog(pool: pool, narrator: narrator)
        var configuration = WorkerConfiguration()
        // How soon others notice that a worker is dead. The default is 10 s; the demo does not want to wait.
        configuration.sessionTimeToLive = .seconds(3)
        let worker = Worker(
            app: app, functions: [publishPost(on: blog)], database: database, configuration: configuration,
            logger: Logger(label: "worker") { label in
                var handler = StreamLogHandler.standardError(label: label)
                handler.logLevel = environment["BLOG_LOG"].flatMap { Logger.Level(rawValue: $0) } ?? .error
                return handler
            })
        try await worker.runUntilSignal()
        await pool.close()
    }

    /// The demo holds the other end of our standard input; when that closes, the demo is gone and we are of no use.
    private static func endWithParent() {
        Thread.detachNewThread {
            while let data = try? FileHandle.standardInput.read(upToCount: 1), !data.isEmpty {}
            kill(getpid(), SIGTERM)
        }
    }
}
