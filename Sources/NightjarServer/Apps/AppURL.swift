internal import Foundation

/// The address of an app or of one of its functions.
enum AppURL {
    /// The address, if the server can call it.
    static func checked(_ text: String, field: String) throws(SyncProblem) -> String {
        guard text.utf8.count <= 2_048, let url = URLComponents(string: text), let scheme = url.scheme?.lowercased()
        else {
            throw SyncProblem(field, "must be a URL of http or https: \"\(text.prefix(100))\"")
        }
        if scheme == "ws" || scheme == "wss" {
            throw SyncProblem(field, "is of a Connect worker, which is not supported; serve the functions over HTTP")
        }
        guard scheme == "http" || scheme == "https", url.host?.isEmpty == false else {
            throw SyncProblem(field, "must be of http or https, with a host: \"\(text.prefix(100))\"")
        }
        return text
    }
}
