// swift-tools-version: 6.2
import PackageDescription

/// Our own code builds without warnings; what it imports is stated where it is used.
let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTLS = Target.Dependency.product(name: "HummingbirdTLS", package: "hummingbird")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioCompression = Target.Dependency.product(name: "NIOHTTPCompression", package: "swift-nio-extras")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "nightjar",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Nightjar", targets: ["Nightjar"]),
        .library(name: "NightjarMetrics", targets: ["NightjarMetrics"]),
        .library(name: "NightjarTesting", targets: ["NightjarTesting"]),
        .executable(name: "nightjar", targets: ["NightjarCommand"]),
    ],
    dependencies: [
        // The logging API of the ecosystem: users choose the backend.
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        // The metrics API of the ecosystem: users choose the backend.
        .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
        // Ordered start, graceful shutdown on signals.
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
        // The command line.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        // The HTTP server.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.0.0"),
        // The HTTP client that calls remote apps.
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.20.0"),
        // What both are made of, and speak in their interfaces.
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        // The limit on what the client unpacks.
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.20.0"),
    ],
    targets: [
        // libpq, PostgreSQL's own client library, found through pkg-config.
        .systemLibrary(
            name: "CLibPQ",
            pkgConfig: "libpq",
            providers: [.apt(["libpq-dev"]), .brew(["libpq"])]
        ),
        // OpenSSL's libcrypto, which libpq brings: hashes and message authentication codes.
        .systemLibrary(
            name: "CLibCrypto",
            pkgConfig: "libcrypto",
            providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]
        ),
        // migrations/*.sql and the engine's statements, embedded into the binary.
        .target(
            name: "CAssets",
            exclude: ["statements", "openapi.json"]
        ),
        .target(
            name: "PostgresClient",
            dependencies: ["CLibPQ", logging, lifecycle],
            swiftSettings: settings
        ),
        // A PostgreSQL server of our own: for `nightjar dev` and for tests.
        .target(
            name: "LocalPostgres",
            dependencies: ["PostgresClient", logging],
            swiftSettings: settings
        ),
        .target(
            name: "NightjarCore",
            dependencies: [logging],
            swiftSettings: settings
        ),
        .target(
            name: "Nightjar",
            dependencies: ["CAssets", "PostgresClient", "NightjarCore", logging, metrics, lifecycle],
            swiftSettings: settings
        ),
        .target(
            name: "NightjarTesting",
            dependencies: ["Nightjar", "PostgresClient", "LocalPostgres", logging],
            swiftSettings: settings
        ),
        // Metrics for Prometheus, and the endpoint that it reads.
        .target(
            name: "NightjarMetrics",
            dependencies: [
                "Nightjar", "PostgresClient", coreMetrics, hummingbird, nioCore, logging, lifecycle,
            ],
            swiftSettings: settings
        ),
        // HTTP: the event API, REST, and apps in other languages, which are called.
        .target(
            name: "NightjarServer",
            dependencies: [
                "CAssets", "CLibCrypto", "Nightjar", "NightjarCore", "PostgresClient", hummingbird, hummingbirdTLS,
                httpClient, nioCore, nioHTTP, nioCompression, nioPosix, logging, metrics, lifecycle,
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "NightjarCommand",
            dependencies: [
                "Nightjar", "NightjarMetrics", "NightjarServer", "PostgresClient", "LocalPostgres", arguments,
                coreMetrics, logging, lifecycle,
            ],
            swiftSettings: settings
        ),
        // The example: `swift run BlogScheduler`.
        .executableTarget(
            name: "BlogScheduler",
            dependencies: ["Nightjar", "LocalPostgres", logging],
            path: "Examples/BlogScheduler",
            swiftSettings: settings
        ),
        // A worker that tests kill, stop and wake as a process of its own.
        .executableTarget(
            name: "TestWorker",
            dependencies: ["Nightjar", "NightjarMetrics", coreMetrics, logging],
            path: "Tests/TestWorker",
            swiftSettings: settings
        ),
        // What tests wait with, and read what is logged with.
        .target(
            name: "TestSupport",
            dependencies: [logging],
            path: "Tests/TestSupport",
            swiftSettings: settings
        ),
        // What expressions mean, and expressions and events at random: what evaluators are compared with.
        .target(
            name: "ExpressionTesting",
            dependencies: ["NightjarCore"],
            path: "Tests/ExpressionTesting",
            swiftSettings: settings
        ),
        .testTarget(
            name: "PostgresClientTests",
            dependencies: ["PostgresClient", "LocalPostgres", "TestSupport", logging],
            swiftSettings: settings
        ),
        .testTarget(
            name: "NightjarCoreTests",
            dependencies: ["NightjarCore", "TestSupport", "ExpressionTesting", logging],
            swiftSettings: settings
        ),
        .testTarget(
            name: "NightjarTests",
            dependencies: [
                "Nightjar", "NightjarTesting", "TestSupport", "ExpressionTesting", "PostgresClient", "LocalPostgres",
                "CAssets",
                "NightjarCommand",
                "TestWorker",
                logging, lifecycle,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "NightjarServerTests",
            dependencies: [
                "NightjarServer", "Nightjar", "NightjarTesting", "TestSupport", "ExpressionTesting", "PostgresClient",
                "LocalPostgres", "NightjarMetrics", "TestWorker",
                "NightjarCommand", hummingbird, httpClient, logging, lifecycle,
            ],
            swiftSettings: settings
        ),
    ],
    cLanguageStandard: .gnu2x
)
