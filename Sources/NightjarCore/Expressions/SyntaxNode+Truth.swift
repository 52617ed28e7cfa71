/// What a part of an expression can be, as far as that is known before there is any event.
struct Truth: OptionSet {
    let rawValue: Int

    static let isTrue = Truth(rawValue: 1)
    static let isFalse = Truth(rawValue: 2)
    /// Missing, or another value than true and false.
    static let isOther = Truth(rawValue: 4)
    static let any: Truth = [.isTrue, .isFalse, .isOther]

    init(rawValue: Int) { self.rawValue = rawValue }

    /// Of a value; nil stands for what is missing.
    init(_ value: JSON?) {
        self = value?.bool.map { $0 ? .isTrue : .isFalse } ?? .isOther
    }
}

extension SyntaxNode {
    /// What the value can be.
    var truth: Truth {
        switch content {
        case .literal(let value): Truth(value)
        case .path, .at, .field: .any
        case .list, .negative, .size: .isOther
        case .has: [.isTrue, .isFalse]
        case .not(let operand): Self.negated(operand.truth)
        case .and(let operands): Self.joined(operands.map(\.truth))
        // What is true of one is, turned round, true of the other: a || b is !(!a && !b).
        case .or(let operands): Self.negated(Self.joined(operands.map { Self.negated($0.truth) }))
        case .binary(let symbol, let left, let right): Self.truth(of: symbol, left, right)
        }
    }

    private static func negated(_ truth: Truth) -> Truth {
        var result = truth.intersection(.isOther)
        if truth.contains(.isTrue) { result.insert(.isFalse) }
        if truth.contains(.isFalse) { result.insert(.isTrue) }
        return result
    }

    private static func joined(_ operands: [Truth]) -> Truth {
        if operands.contains(.isFalse) { return .isFalse }
        var result: Truth = []
        if operands.allSatisfy({ $0.contains(.isTrue) }) { result.insert(.isTrue) }
        if operands.contains(where: { $0.contains(.isFalse) }) { result.insert(.isFalse) }
        if operands.contains(where: { $0.contains(.isOther) }) { result.insert(.isOther) }
        return result
    }

    private static func truth(of symbol: Operator, _ left: SyntaxNode, _ right: SyntaxNode) -> Truth {
        switch symbol {
        case .add, .subtract, .multiply, .divide, .remainder:
            return .isOther
        case .equal, .notEqual:
            guard let left = left.constant, let right = right.constant else { return .any }
            return Truth(.bool(isSame(left, right) == (symbol == .equal)))
        case .isIn:
            guard let list = right.constant?.array else { return .any }
            guard let value = left.constant else { return list.isEmpty ? [.isFalse, .isOther] : .any }
            return Truth(.bool(list.contains { isSame($0, value) }))
        case .less, .lessOrEqual, .greater, .greaterOrEqual, .startsWith, .endsWith, .contains:
            return .any
        }
    }

    // Swift's own equality of texts is looser than the database's: it disregards how letters with accents are composed.
    private static func isSame(_ left: JSON, _ right: JSON) -> Bool {
        MatchPart.text(left).utf8.elementsEqual(MatchPart.text(right).utf8)
    }
}
