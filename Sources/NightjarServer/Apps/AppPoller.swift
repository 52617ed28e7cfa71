internal import Logging
internal import ServiceLifecycle

/// Syncs the apps whose addresses are configured: at the start, and when they come back.
struct AppPoller: Service {
    let services: ServerServices

    func run() async throws {
        try? await gracefulShutdown()
    }
}
