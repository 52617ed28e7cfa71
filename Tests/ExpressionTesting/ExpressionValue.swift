package import Foundation
package import NightjarCore

/// A JSON value as expressions see it: with decimal numbers and with texts that are equal only code point by code point.
package indirect enum ExpressionValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(Decimal)
    case string(String)
    case array([ExpressionValue])
    case object([String: ExpressionValue])

    package init(_ json: JSON) {
        self =
            switch json {
            case .null: .null
            case .bool(let value): .bool(value)
            case .integer(let value): .number(Decimal(value))
            // By way of its text: the number that is written, not the binary one next to it.
            case .number(let value): .number(Decimal(string: "\(value)") ?? .nan)
            case .string(let value): .string(value)
            case .array(let values): .array(values.map(Self.init))
            case .object(let members): .object(members.mapValues(Self.init))
            }
    }

    package static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): left.unicodeScalars.elementsEqual(right.unicodeScalars)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }
}

extension ExpressionValue {
    /// What stands at an element of a path; nil when nothing does.
    package subscript(_ element: String) -> ExpressionValue? {
        switch self {
        case .object(let members):
            return members[element]
        case .array(let values):
            // As the database has it: a sign and leading zeros are allowed, and a negative index counts from the end.
            guard let number = Int32(element) else { return nil }
            let index = number < 0 ? values.count + Int(number) : Int(number)
            return values.indices.contains(index) ? values[index] : nil
        case .null, .bool, .number, .string:
            return nil
        }
    }

    /// What stands at a path; nil when nothing does.
    package func at(_ path: [String]) -> ExpressionValue? {
        path.reduce(self as ExpressionValue?) { $0?[$1] }
    }
}
