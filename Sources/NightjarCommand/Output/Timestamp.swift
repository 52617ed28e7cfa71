import Foundation
import Nightjar

/// Times as texts for machines: RFC 3339 in UTC, to the microsecond.
enum Timestamp {
    static func text(of date: Date) -> String {
        let quoted = (try? JSONCoding.encoder().encode(date)) ?? Data()
        return (try? JSONDecoder().decode(String.self, from: quoted)) ?? ""
    }

    static func date(from text: String) -> Date? {
        guard let quoted = try? JSONEncoder().encode(text) else { return nil }
        return try? JSONCoding.decoder().decode(Date.self, from: quoted)
    }
}
