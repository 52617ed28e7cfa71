internal import Logging
internal import ServiceLifecycle

/// Syncs the apps whose addresses are configured: at the start, and when they come back after they did not answer. In dev
/// mode every few seconds, since functions change there without the app going away.
struct AppPoller: Service {
    private static let interval = Duration.seconds(5)
    private static let longestPause = Duration.seconds(30)

    let services: ServerServices

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for url in services.configuration.appURLs { group.addTask { await watch(url) } }
            }
        }
    }

    private func watch(_ url: String) async {
        let isDev = services.configuration.kind == .dev
        var pause = Duration.seconds(1)
        var isSynced = false
        var lastProblem: String?
        while !Task.isCancelled {
            do {
                if isSynced, !isDev {
                    isSynced = await services.appSync.isUp(url)
                } else {
                    try await services.appSync.sync(url)
                    if !isSynced { services.logger.info("an app is synced", metadata: ["url": "\(url)"]) }
                    (isSynced, pause, lastProblem) = (true, .seconds(1), nil)
                }
            } catch is CancellationError {
                return
            } catch {
                isSynced = false
                let problem = (error as? SyncProblem)?.text ?? "\(error)"
                // Once, not with every attempt.
                if problem != lastProblem {
                    services.logger.warning(
                        "an app cannot be synced; it is tried again",
                        metadata: ["url": "\(url)", "error": "\(problem)"])
                }
                lastProblem = problem
                pause = min(pause * 2, Self.longestPause)
            }
            try? await Task.sleep(for: isSynced ? Self.interval : pause * Double.random(in: 0.5...1))
        }
    }
}
