internal import Foundation
internal import NightjarCore

/// A JSON document that is answered.
///
/// Documents that are stored pass through as the text that the database gave: no number of theirs is rounded, and none is
/// too large to be read.
enum ReplyValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case string(String)
    /// JSON text that is passed on as it is.
    case json(String)
    case array([ReplyValue])
    /// Members in this order.
    case object([(name: String, value: ReplyValue)])

    /// The document as text.
    var text: String {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// An instant, as ISO 8601 text.
    static func date(_ date: Date) -> ReplyValue { .string(ISO8601.text(of: date)) }

    /// An event's or a run's id, as a ULID.
    static func ulid(_ id: UUID) -> ReplyValue { .string(ULID.text(id)) }

    /// A UUID, in lower case.
    static func uuid(_ id: UUID) -> ReplyValue { .string(id.uuidString.lowercased()) }

    /// Null in place of nothing.
    static func orNull<T>(_ value: T?, _ make: (T) -> ReplyValue) -> ReplyValue { value.map(make) ?? .null }

    /// The member of an object; nil when there is none, or this is no object.
    subscript(_ name: String) -> ReplyValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// Adds a member to an object, unless it has no value.
    mutating func add(_ name: String, _ value: ReplyValue?) {
        guard let value, case .object(var members) = self else { return }
        self = .null  // So that the array is not copied.
        members.append((name, value))
        self = .object(members)
    }

    private func write(into bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .integer(let value): bytes += "\(value)".utf8
        case .string(let value): Self.write(value, into: &bytes)
        case .json(let text): bytes += text.utf8
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.write(member.name, into: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ text: String, into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0A: bytes += "\\n".utf8
            case ..<0x20: bytes += "\\u00\([byte].hex)".utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension ReplyValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int64) { self = .integer(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(nilLiteral: ()) { self = .null }
    init(arrayLiteral elements: ReplyValue...) { self = .array(elements) }
    init(dictionaryLiteral members: (String, ReplyValue)...) { self = .object(members.map { (name: $0, value: $1) }) }
}
