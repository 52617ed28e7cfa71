internal import Foundation

/// What an event may be.
enum EventLimits {
    /// The events of one request.
    static let count = 5_000
    /// The bytes of one event as it is sent.
    static let size = 3 << 20
    /// The bytes of its data as PostgreSQL writes them.
    static let storedData = 4 << 20
    /// The bytes of its user as PostgreSQL writes them.
    static let storedUser = 64 << 10
    /// The characters of its name.
    static let name = 512
    /// The characters of its own id.
    static let id = 255
    /// The years in which it may have happened, or may be due.
    static let timestamps = Date(timeIntervalSince1970: 315_532_800)..<Date(timeIntervalSince1970: 4_102_444_800)
    /// Names that begin so are those of events that the server itself sends.
    static let reservedPrefix = "inngest/"
    /// Members of the data that only the server may write.
    static let reservedMembers = ["_inngest", "_nightjar"]

    /// What is wrong with the name of an event that somebody sends; nil when nothing is.
    static func problem(withName name: String) -> String? {
        let length = name.unicodeScalars.count
        if length == 0 { return "\"name\" must not be empty" }
        if length > self.name { return "\"name\" has \(length) characters; the limit is \(self.name)" }
        if name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            return "\"name\" contains a control character; remove it"
        }
        if name.lowercased().hasPrefix(reservedPrefix) {
            return
                "\"name\" begins with \"\(reservedPrefix)\", which is for events of the server itself; choose another"
        }
        return name.hasSuffix("*") ? "\"name\" ends in \"*\", which stands for many names; choose another" : nil
    }
}
