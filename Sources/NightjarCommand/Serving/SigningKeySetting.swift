import Foundation
import NightjarServer

/// The signing key from where nobody else sees it: a file or the environment, not the command line.
struct SigningKeySetting {
    var file: String?
    var environment = ProcessInfo.processInfo.environment

    /// The keys; nil when there is none.
    func keys() throws -> SigningKeys? {
        if let file { return try keys(inFile: file) }
        guard let (name, text) = value("NIGHTJAR_SIGNING_KEY", "INNGEST_SIGNING_KEY") else { return nil }
        let fallback = value("NIGHTJAR_SIGNING_KEY_FALLBACK", "INNGEST_SIGNING_KEY_FALLBACK")
        return SigningKeys(
            try key(text, of: name), fallback: try fallback.map { name, text in try key(text, of: name) })
    }

    private func keys(inFile path: String) throws -> SigningKeys {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError(.usage, "\(path) cannot be read; does it exist, and may you read it?")
        }
        let lines = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
        guard let first = lines.first, lines.count <= 2 else {
            throw CommandError(
                .usage, "\(path) must have the signing key as its first line, and nothing but a fallback key after it")
        }
        return SigningKeys(
            try key(first, of: path), fallback: try lines.dropFirst().first.map { try key($0, of: path) })
    }

    private func value(_ names: String...) -> (name: String, text: String)? {
        names.lazy.compactMap { name in environment[name].map { (name, $0) } }.first { !$0.text.isEmpty }
    }

    private func key(_ text: String, of origin: String) throws -> SigningKey {
        do { return try SigningKey(text) } catch { throw CommandError(.usage, "\(origin): \(error)") }
    }
}
