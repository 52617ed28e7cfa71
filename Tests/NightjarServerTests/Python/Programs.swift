import Foundation

/// Where programs and sources are.
enum Programs {
    /// The root of the repository.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..").standardized

    /// Where the tests of the Python SDK and the programs for them are.
    static let pythonTests = root.appending(path: "Tests/python")

    /// `nightjar`, beside the bundle of the tests.
    static var nightjar: URL { products.appending(path: "nightjar") }

    /// A worker of the tests' own, likewise.
    static var testWorker: URL { products.appending(path: "TestWorker") }

    private static var products: URL {
        #if os(macOS)
            Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }!.bundleURL.deletingLastPathComponent()
        #else
            Bundle.main.bundleURL
        #endif
    }

    /// An empty directory for the duration of a closure.
    static func withDirectory<T>(_ body: (URL) async throws -> T) async throws -> T {
        let url = FileManager.default.temporaryDirectory.appending(path: "nj-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        return try await body(url)
    }
}
