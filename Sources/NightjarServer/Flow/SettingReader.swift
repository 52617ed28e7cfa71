internal import NightjarCore

/// Reads the members of a JSON object as lenient as the SDKs need it: names in any case, null is absent, numbers may be
/// texts where a span of time is meant.
struct SettingReader: Sendable {
    private let members: [String: JSON]

    init(_ json: JSON) {
        guard case .object(let object) = json else {
            members = [:]
            return
        }
        members = Dictionary(object.map { ($0.key.lowercased(), $0.value) }) { first, _ in first }
    }

    /// The member, unless it is null.
    func value(_ name: String) -> JSON? {
        switch members[name.lowercased()] {
        case nil, .null?: nil
        case let value?: value
        }
    }

    func object(_ name: String) -> SettingReader? {
        guard case .object(let object)? = value(name), !object.isEmpty else { return nil }
        return SettingReader(.object(object))
    }

    /// A text that is not empty.
    func text(_ name: String) -> String? {
        guard case .string(let text)? = value(name), !text.isEmpty else { return nil }
        return text
    }

    func integer(_ name: String) -> Int64? {
        switch value(name) {
        case .integer(let number)?: number
        case .number(let number)?: Int64(exactly: number)
        default: nil
        }
    }

    /// A span of time: see ``DurationText``; a number is milliseconds.
    func duration(_ name: String) -> Duration? {
        switch value(name) {
        case .string(let text)?: DurationText.parse(text)
        case .integer(let number)?: .milliseconds(number)
        default: nil
        }
    }
}
