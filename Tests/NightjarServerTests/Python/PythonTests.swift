import Testing

/// What runs apps with Inngest's own Python SDK. One after another: each has its servers, workers, apps and senders, and the
/// machine has few processors.
@Suite("Python", .serialized, .enabled { await PythonEnvironment.isThere() }, .timeLimit(.minutes(8)))
struct PythonTests {}
