import Foundation

/// Posts that are published when they are due, and what can happen to them before.
@main
enum BlogScheduler {
    static func main() async {
        do {
            switch Array(CommandLine.arguments.dropFirst()) {
            case []: try await Demo.run(on: nil)
            case let arguments where arguments.count == 2 && arguments[0] == "--database":
                try await Demo.run(on: arguments[1])
            case ["worker"]: try await BlogWorker.run()
            default:
                print("usage: BlogScheduler [--database URL]   without a URL it starts a PostgreSQL of its own")
                exit(64)
            }
        } catch {
            FileHandle.standardError.write(Data("BlogScheduler: \(error)\n".utf8))
            exit(1)
        }
    }
}
