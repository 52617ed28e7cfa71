internal import Foundation

/// The URLs at which apps are called.
enum CallURL {
    /// The URL of a function with the query of a call; a query of its own is kept.
    static func text(_ url: String, function: String, step: String) -> String {
        let (base, items) = parts(url)
        let kept = items.filter { !["fnId", "stepId"].contains(name($0)) }
        return join(base, kept + ["fnId=\(encode(function))", "stepId=\(encode(step))"])
    }

    /// Where a redirect leads: with the query that was sent, as far as the target has no other. Nil when it leads nowhere.
    static func redirect(from url: String, to location: String) -> String? {
        guard let base = URL(string: url), let target = URL(string: location, relativeTo: base)?.absoluteURL,
            ["http", "https"].contains(target.scheme?.lowercased())
        else { return nil }
        let (path, items) = parts(target.absoluteString)
        let names = Set(items.map(name))
        return join(path, items + parts(url).items.filter { !names.contains(name($0)) })
    }

    private static func parts(_ url: String) -> (base: String, items: [String]) {
        let url = url.prefix { $0 != "#" }
        guard let mark = url.firstIndex(of: "?") else { return (String(url), []) }
        return (String(url[..<mark]), url[url.index(after: mark)...].split(separator: "&").map(String.init))
    }

    private static func join(_ base: String, _ items: [String]) -> String {
        items.isEmpty ? base : "\(base)?\(items.joined(separator: "&"))"
    }

    private static func name(_ item: String) -> String { String(item.prefix { $0 != "=" }) }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    static func encode(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? text
    }
}
