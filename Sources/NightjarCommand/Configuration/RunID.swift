import ArgumentParser
import Foundation

/// Ids of runs on the command line.
enum RunID {
    @Sendable static func parse(_ text: String) throws -> UUID {
        guard let id = UUID(uuidString: text) else {
            throw ValidationError("'\(text)' is no run id; they look like 0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58")
        }
        return id
    }
}

extension UUID {
    /// As PostgreSQL writes it.
    var text: String { uuidString.lowercased() }
}
