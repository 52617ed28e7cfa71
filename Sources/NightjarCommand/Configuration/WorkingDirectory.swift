import Foundation

/// Where the program was started.
enum WorkingDirectory {
    static var current: URL {
        URL(filePath: FileManager.default.currentDirectoryPath, directoryHint: .isDirectory)
    }
}
