import Foundation
package import NightjarCore

/// Evaluates expressions as they are documented, in the plainest way: what other evaluators are compared with.
package struct ExpressionEvaluator: Sendable {
    /// The event that started the run.
    package var event: ExpressionValue
    /// The new event.
    package var async: ExpressionValue

    package init(event: JSON, async: JSON) {
        self.event = ExpressionValue(event)
        self.async = ExpressionValue(async)
    }

    /// Says whether the expression is true.
    package func matches(_ node: SyntaxNode) -> Bool { value(of: node) == .bool(true) }

    /// Returns the value of an expression; nil when it is missing.
    package func value(of node: SyntaxNode) -> ExpressionValue? {
        switch node.content {
        case .literal(let value):
            return ExpressionValue(value)
        case .path(let root, let path):
            return (root == .event ? event : async).at(path)
        case .at(let base, let key):
            guard let base = value(of: base), let key = value(of: key) else { return nil }
            return Self.element(of: base, at: key)
        case .field(let base, let name):
            return value(of: base)?[name]
        case .list(let nodes):
            let values = nodes.compactMap(value)
            return values.count == nodes.count ? .array(values) : nil
        case .not(let operand):
            guard case .bool(let value) = value(of: operand) else { return nil }
            return .bool(!value)
        case .negative(let operand):
            guard case .number(let value) = value(of: operand) else { return nil }
            return .number(-value)
        case .and(let operands):
            return joined(operands, absorbing: false)
        case .or(let operands):
            return joined(operands, absorbing: true)
        case .has(let path):
            return .bool(value(of: path) != nil)
        case .size(let operand):
            return value(of: operand).flatMap(Self.size)
        case .binary(let symbol, let left, let right):
            guard let left = value(of: left), let right = value(of: right) else { return nil }
            return Self.result(of: symbol, left, right)
        }
    }

    private func joined(_ operands: [SyntaxNode], absorbing: Bool) -> ExpressionValue? {
        let values = operands.map(value)
        if values.contains(.bool(absorbing)) { return .bool(absorbing) }
        return values.allSatisfy { $0 == .bool(!absorbing) } ? .bool(!absorbing) : nil
    }

    private static func element(of base: ExpressionValue, at key: ExpressionValue) -> ExpressionValue? {
        switch (base, key) {
        case (.object(let members), .string(let name)):
            return members[name]
        case (.array(let values), .number(let number)):
            guard let index = Int("\(number)"), values.indices.contains(index) else { return nil }
            return values[index]
        default:
            return nil
        }
    }

    private static func size(_ value: ExpressionValue) -> ExpressionValue? {
        switch value {
        case .string(let text): .number(Decimal(text.unicodeScalars.count))
        case .array(let values): .number(Decimal(values.count))
        case .object(let members): .number(Decimal(members.count))
        case .null, .bool, .number: nil
        }
    }

    private static func result(
        of symbol: SyntaxNode.Operator, _ left: ExpressionValue, _ right: ExpressionValue
    ) -> ExpressionValue? {
        switch symbol {
        case .equal: .bool(left == right)
        case .notEqual: .bool(left != right)
        case .isIn: contains(right, left).map(ExpressionValue.bool)
        case .less, .lessOrEqual, .greater, .greaterOrEqual: compared(symbol, left, right).map(ExpressionValue.bool)
        case .add, .subtract, .multiply, .divide, .remainder: calculated(symbol, left, right)
        case .startsWith, .endsWith, .contains: searched(symbol, left, right).map(ExpressionValue.bool)
        }
    }

    private static func contains(_ list: ExpressionValue, _ value: ExpressionValue) -> Bool? {
        switch (list, value) {
        case (.array(let values), _): values.contains(value)
        case (.object(let members), .string(let name)): members[name] != nil
        default: nil
        }
    }

    private static func compared(
        _ symbol: SyntaxNode.Operator, _ left: ExpressionValue, _ right: ExpressionValue
    ) -> Bool? {
        let isLess: Bool
        switch (left, right) {
        case (.number(let left), .number(let right)): isLess = left < right
        case (.string(let left), .string(let right)):
            isLess = left.unicodeScalars.lexicographicallyPrecedes(right.unicodeScalars)
        default: return nil
        }
        switch symbol {
        case .less: return isLess
        case .lessOrEqual: return isLess || left == right
        case .greater: return !isLess && left != right
        default: return !isLess
        }
    }

    private static func calculated(
        _ symbol: SyntaxNode.Operator, _ left: ExpressionValue, _ right: ExpressionValue
    ) -> ExpressionValue? {
        if case .string(let left) = left, case .string(let right) = right, symbol == .add {
            return .string(left + right)
        }
        guard case .number(let left) = left, case .number(let right) = right else { return nil }
        switch symbol {
        case .add: return .number(left + right)
        case .subtract: return .number(left - right)
        case .multiply: return .number(left * right)
        case .divide: return right.isZero ? nil : .number(left / right)
        default: return right.isZero ? nil : .number(remainder(left, right))
        }
    }

    private static func remainder(_ left: Decimal, _ right: Decimal) -> Decimal {
        let (dividend, divisor) = (abs(left), abs(right))
        var (quotient, whole) = (dividend / divisor, Decimal())
        NSDecimalRound(&whole, &quotient, 0, .down)
        let rest = dividend - whole * divisor
        return left < 0 ? -rest : rest
    }

    private static func searched(
        _ symbol: SyntaxNode.Operator, _ left: ExpressionValue, _ right: ExpressionValue
    ) -> Bool? {
        guard case .string(let left) = left, case .string(let right) = right else { return nil }
        let (text, part) = (Array(left.unicodeScalars), Array(right.unicodeScalars))
        switch symbol {
        case .startsWith: return text.starts(with: part)
        case .endsWith: return text.reversed().starts(with: part.reversed())
        default: return (0...text.count).contains { text[$0...].starts(with: part) }
        }
    }
}
