internal import CAssets

/// One file of `migrations/`, embedded at compile time. Frozen once it has landed: change comes as a new one.
public struct Migration: Sendable {
    /// The number at the head of the file's name.
    public let version: Int
    /// The rest of the file's name.
    public let name: String
    /// The whole file.
    public let sql: String

    /// Every migration of this build, in order.
    public static let all: [Migration] = (0..<nightjar_migration_count()).compactMap { index in
        let asset = nightjar_migration(index)
        let file = String(cString: asset.name)
        guard let version = Int(file.prefix(4)) else { return nil }
        return Migration(version: version, name: String(file.dropFirst(5)), sql: String(cString: asset.text))
    }
}
