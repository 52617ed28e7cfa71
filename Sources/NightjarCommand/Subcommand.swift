import ArgumentParser

/// A subcommand that ends with an ``ExitStatus``, and whose errors become a line on standard error.
protocol Subcommand: AsyncParsableCommand {
    func execute() async throws -> ExitStatus
}

extension Subcommand {
    func run() async throws {
        let status: ExitStatus
        do { status = try await execute() } catch let error as CommandError {
            Output.error(error.message)
            status = error.status
        } catch {
            let error = CommandError(error)
            Output.error(error.message)
            status = error.status
        }
        guard status == .success else { throw ExitCode(status.rawValue) }
    }
}
